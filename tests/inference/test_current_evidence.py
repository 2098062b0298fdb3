"""Graph and counts of all events known when lists are made, and the weights of a command."""

import dataclasses

import numpy as np
import pytest

from m6rec_cli.config.resolve import resolve
from m6rec_cli.data.store import Dataset
from m6rec_cli.inference.model_scorer import load_scorer
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.item_graphs import cooccurrence
from m6rec_cli.ranking.weights import FIXED, RankingWeights
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from tests.inference.incremental_updates import START, state, with_max_history
from tests.inference.known_events import known, pairs, with_ranking
from tests.inference.trained import shop

__all__ = ["shop", "state"]

N_ITEMS = 40


def test_with_known_events_gives_an_item_of_yesterday_neighbours(shop):
    run = shop.loaded
    new, old = (int(np.flatnonzero(x)[0]) for x in (run.catalogue.is_cold, run.catalogue.events))
    assert not run.catalogue.cooccurrence[[old]].toarray()[0, new]
    log = pairs(old, new, 3)
    found = known(with_ranking(run, late_gain=0.0), log, "cold_item_bonus=2.0")
    assert found.cooccurrence[new, old] == 1
    assert found.cooccurrence[old, new] > 0
    assert found.evidence.popularity[new] == pytest.approx(np.log(4))
    # The run has no weights of late items: it is no longer new, and gets neither the bonus nor the
    # content weight of new items.
    assert found.is_cold.sum() == run.catalogue.is_cold.sum() - 1
    assert found.bias[new] == 0
    assert np.asarray(found.bias).sum() == 2 * found.is_cold.sum()
    assert found.scored_embeddings is found.embeddings
    # The run itself is as it was.
    assert run.catalogue.is_cold[new]


def test_with_known_events_of_the_whole_log_has_the_graph_of_the_log(shop):
    data = Dataset.open(shop.data)
    for before in ("valid", "all"):
        events = data.history(before)
        found = known(shop.loaded, events)
        graph = cooccurrence.fit(events.user_row, events.item_row, data.n_items)
        np.testing.assert_array_equal(found.cooccurrence.toarray(), graph.toarray())
        count = np.bincount(events.item_row, minlength=data.n_items)
        np.testing.assert_array_equal(found.events, count)
    same = known(shop.loaded, data.history("valid"))
    np.testing.assert_array_equal(
        same.cooccurrence.toarray(), shop.loaded.catalogue.cooccurrence.toarray()
    )


def test_with_known_events_of_a_small_log_mixes_by_the_numbers_of_events(shop):
    catalogue = shop.loaded.catalogue
    item, other = np.argsort(-catalogue.events)[[0, 30]].tolist()
    before, n = catalogue.cooccurrence.toarray(), int(catalogue.events[item])
    assert n > 2
    found = known(shop.loaded, pairs(item, other, 2))
    fresh = np.eye(N_ITEMS)[other]
    expected = (2 * fresh + n * before[item]) / (n + 2)
    np.testing.assert_allclose(found.cooccurrence[[item]].toarray()[0], expected, rtol=1e-5)
    # Items without an event in the small log keep neighbours and counts.
    others = np.setdiff1d(np.arange(N_ITEMS), [item, other])
    np.testing.assert_array_equal(found.cooccurrence.toarray()[others], before[others])
    np.testing.assert_array_equal(found.events, np.maximum(catalogue.events, 0))


def test_with_known_events_without_events_keeps_the_graph(shop):
    none = pairs(0, 1, 0)
    found = known(shop.loaded, none)
    assert found.cooccurrence is shop.loaded.catalogue.cooccurrence
    np.testing.assert_array_equal(found.events, shop.loaded.catalogue.events)


def test_with_known_events_counts_the_last_max_history_of_each_user(shop):
    events = Dataset.open(shop.data).events
    run = with_max_history(shop.loaded, 2)
    last = np.append(events.user_row[2:] != events.user_row[:-2], [True, True])
    found, expected = known(run, events), known(shop.loaded, events.take(last))
    np.testing.assert_array_equal(found.cooccurrence.toarray(), expected.cooccurrence.toarray())
    np.testing.assert_array_equal(found.events, expected.events)


def test_with_known_events_counts_all_events_in_another_shop(shop):
    """Their log is all that the graphs are made of."""
    events = Dataset.open(shop.data).events
    run = with_max_history(shop.loaded, 2)
    elsewhere = dataclasses.replace(
        run, catalogue=dataclasses.replace(run.catalogue, is_other_shop=True)
    )
    counts = np.bincount(events.item_row, minlength=N_ITEMS)
    np.testing.assert_array_equal(
        known(elsewhere, events).events, np.maximum(run.catalogue.events, counts)
    )
    fewer = known(run, events).events
    assert (fewer < np.maximum(run.catalogue.events, counts)).any()


def test_with_known_events_and_hidden_ids_knows_no_item(shop):
    events = Dataset.open(shop.data).events
    found = known(shop.loaded, events, 'hidden_features=["id"]')
    assert found.cooccurrence is shop.loaded.catalogue.cooccurrence


def test_with_known_events_of_a_state_equals_the_whole_log(shop, state):
    rng = np.random.default_rng(0)
    rows = [
        (f"u{rng.integers(8)}", int(rng.integers(100, 140)), START + 60 * n, "view")
        for n in range(90)
    ]
    for at in (0, 30, 60):
        updated = state.update(rows[at : at + 30])
        whole = state.full_pass(rows[: at + 30])
        found, expected = (known(shop.loaded, h.events) for h in (updated, whole))
        np.testing.assert_array_equal(found.events, expected.events)
        np.testing.assert_allclose(
            found.cooccurrence.toarray(), expected.cooccurrence.toarray(), atol=1e-6
        )
        np.testing.assert_allclose(
            found.transitions.toarray(), expected.transitions.toarray(), atol=1e-6
        )


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        (["ranking=model"], RankingWeights(model=1.0)),
        (["ranking=fixed"], FIXED),
        (
            ["ranking=fixed", "cooccurrence_weight=0.5", "content_weight=0.0"],
            dataclasses.replace(FIXED, neighbour_scale=0.5),
        ),
    ],
)
def test_with_known_events_has_the_weights_of_the_command(shop, sets, expected):
    found = known(shop.loaded, Dataset.open(shop.data).events, *sets)
    assert found.ranking == expected
    assert found.content_weight == (0.0 if "content_weight=0.0" in sets else 0.3)


def test_with_known_events_has_the_learned_weights_by_default(shop):
    found = known(shop.loaded, Dataset.open(shop.data).events)
    assert found.ranking is shop.loaded.catalogue.ranking
    assert (found.content_weight, found.cold_content_weight) == (0.3, 1.3)


def test_with_known_events_of_another_shop_leaves_content_neighbours_to_new_items(shop):
    catalogue = dataclasses.replace(shop.loaded.catalogue, is_other_shop=True)
    run = dataclasses.replace(shop.loaded, catalogue=catalogue)
    found = known(run, Dataset.open(shop.data).events)
    assert (found.content_weight, found.cold_content_weight) == (0.0, 1.0)


@pytest.mark.parametrize("ranking", ["learned", "model"])
@pytest.mark.parametrize("name", ["cooccurrence_weight", "content_weight"])
def test_with_known_events_refuses_weights_that_the_ranking_does_not_use(shop, name, ranking):
    with pytest.raises(
        M6RecError, match=f"`recommend.{name}` is set, and `recommend.ranking={ranking}`"
    ) as caught:
        known(shop.loaded, pairs(0, 1, 2), f"ranking={ranking}", f"{name}=0.0")
    assert caught.value.hint == "add `--set recommend.ranking=fixed`"


def test_scores_know_the_events_before_the_split_and_none_after_it(shop):
    data, config = Dataset.open(shop.data), resolve("evaluate")
    for split in ("valid", "test"):
        scorer = load_scorer(shop.run, data, split, config, SilentReporter())
        assert isinstance(scorer.histories, UserHistories)
        count = np.bincount(data.history(split).item_row, minlength=data.n_items)
        np.testing.assert_array_equal(scorer.run.catalogue.events, count)
        assert scorer.histories.run is scorer.run
