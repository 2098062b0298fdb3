"""`ranking.json`: back and forth, and its damages."""

import json

import pytest

from m6rec_cli.ranking.ranking_file import RankingFit, read_fit, write_fit
from m6rec_cli.ranking.weights import FIXED, RankingWeights

LEARNED = RankingFit(
    weights=RankingWeights(model=0.25, popularity=-0.1, words=2.0),
    is_learned=True,
    events=1234,
    other="fixed weights",
    ndcg=0.1875,
    other_ndcg=0.125,
)
FEW = RankingFit(weights=FIXED, is_learned=False, events=3, other="fixed weights")


@pytest.mark.parametrize("fit", [LEARNED, FEW])
def test_read_fit_gives_back_what_was_written(tmp_path, fit):
    write_fit(tmp_path / "ranking.json", fit)
    assert read_fit(tmp_path / "ranking.json") == fit


def test_describe_names_weights_and_figures():
    assert LEARNED.describe() == (
        "ranking of the lists: learned weights find more than fixed weights (NDCG@10 0.1875 and "
        "0.1250 on 1,234 held-out events): model +0.25, popularity -0.10, words +2.00"
    )
    refused = RankingFit(
        weights=FIXED,
        is_learned=False,
        events=99,
        other="fixed weights",
        ndcg=0.1,
        other_ndcg=0.2,
    )
    assert refused.describe() == (
        "ranking of the lists: fixed weights find more than learned ones (NDCG@10 0.2000 and "
        "0.1000 on 99 held-out events)"
    )
    assert FEW.describe() == (
        "ranking of the lists: fixed weights, since 3 held-out events are too few to learn from"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tree: "{", "Expecting property name"),
        (lambda tree: [tree], "it has no ranking weights"),
        (lambda tree: tree | {"weights": None}, "it has no ranking weights"),
        (lambda tree: tree | {"weights": {"model": 1.0}}, "the weights are model, not"),
        (lambda tree: {k: v for k, v in tree.items() if k != "events"}, "it has no 'events'"),
        (lambda tree: tree | {"ndcg@10": "high"}, "`ndcg@10` is no number"),
    ],
)
def test_read_fit_of_a_damaged_file_is_an_error(tmp_path, change, message):
    path = tmp_path / "ranking.json"
    write_fit(path, LEARNED)
    found = change(json.loads(path.read_text()))
    path.write_text(found if isinstance(found, str) else json.dumps(found))
    with pytest.raises(ValueError, match=message):
        read_fit(path)
