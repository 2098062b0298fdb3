"""The item graph boosts probabilities by the formula, alike in lists and in the scorer."""

import dataclasses

import numpy as np
import pytest
from scipy import sparse

from m6rec_cli.config.resolve import resolve
from m6rec_cli.config.settings import RecommendConfig
from m6rec_cli.data.store import Dataset
from m6rec_cli.inference import graph_boost, other_catalogue
from m6rec_cli.inference.model_scorer import load_scorer
from m6rec_cli.inference.ranked_lists import ListMaker
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.item_graphs import cooccurrence
from m6rec_cli.system.progress import SilentReporter
from tests.inference.trained import shop

__all__ = ["shop"]


def list_scores(run, histories, rows, **config):
    """Scores of all items (users, items), from lists of the whole catalogue."""
    n_items = len(run.catalogue)
    lists = ListMaker(
        config=RecommendConfig(k=n_items, seen="keep", **config),
        run=run,
        histories=histories,
        allowed=np.ones(n_items, bool),
    )
    row = {name: i for i, name in enumerate(run.catalogue.ids)}
    out = np.zeros((len(rows), n_items))
    place = {name: i for i, name in enumerate(histories.ids.gather(rows))}
    for _, frame in lists.frames(rows):
        for user, item, score in frame.select("user_id", "item_id", "score").iter_rows():
            out[place[user], row[item]] = score
    return out


@pytest.mark.parametrize("noise_draws", [1, 3])
def test_frames_probabilities_follow_the_formula(shop, noise_draws):
    """p'(i) is proportional to p(i) (1 + w n q(i)), with q from the last ten events."""
    data, run = Dataset.open(shop.data), shop.loaded
    histories, rows = UserHistories.of_dataset(run, data, "all"), np.array([7, 0, 33, 64])
    plain, boosted = (
        list_scores(run, histories, rows, cooccurrence_weight=w, noise_draws=noise_draws)
        for w in (0.0, 0.4)
    )
    graph, events = run.catalogue.cooccurrence.toarray(), data.events
    for i, user in enumerate(rows):
        items = events.item_row[events.user_row == user][-10:]
        weights = 0.8 ** np.arange(len(items))[::-1]
        q = weights @ graph[items] / weights.sum() if len(items) else np.zeros(len(graph))
        expected = np.exp(plain[i]) * (1 + 0.4 * len(graph) * q)
        if noise_draws == 1 or len(items) == 0:
            np.testing.assert_allclose(np.exp(boosted[i]), expected / expected.sum(), rtol=2e-3)
        else:
            # The softmax of each draw is boosted by itself: the mean follows the formula nearly.
            assert np.corrcoef(np.log(expected), boosted[i])[0, 1] > 0.999
    assert not np.allclose(plain[0], boosted[0], atol=0.01)
    np.testing.assert_allclose(plain[3], boosted[3], atol=1e-4)  # user 64 has no event


def test_score_with_boost_equals_the_lists(shop):
    data, run = Dataset.open(shop.data), shop.loaded
    rows = np.arange(64)
    run = other_catalogue.with_graphs(run, RecommendConfig())
    scorer = load_scorer(shop.run, data, "test", resolve("evaluate"), SilentReporter())
    scores = scorer.score(rows)
    log_probabilities = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    listed = list_scores(run, UserHistories.of_dataset(run, data, "test"), rows)
    np.testing.assert_allclose(log_probabilities, listed, atol=1e-4)


def test_logit_boosts_use_no_more_events_than_the_decoder_reads(shop):
    data, run = Dataset.open(shop.data), shop.loaded
    model = dataclasses.replace(run.config.model, max_history=2)
    run = dataclasses.replace(run, config=dataclasses.replace(run.config, model=model))
    histories = UserHistories.of_dataset(run, data, "all")
    owner, item = histories.latest(np.array([5, 1]), 2)
    assert owner.tolist() == [0, 0, 1, 1]
    graph = run.catalogue.cooccurrence
    shares = cooccurrence.neighbour_shares(graph, owner, item, 2).toarray()
    found = graph_boost.logit_boosts(histories, np.array([5, 1]), 0.1).toarray()
    np.testing.assert_allclose(found, np.log1p(0.1 * 40 * shares), rtol=1e-5)
    for place, user in enumerate((5, 1)):
        assert (
            item[owner == place].tolist()
            == data.events.item_row[data.events.user_row == user][-2:].tolist()
        )


def test_tile_marks_hidden_items_and_pads():
    matrix = np.array([[0, 0.5, 0, 0.25], [0, 0, 0, 0], [1, 2, 3, 0]], np.float32)
    tile = graph_boost.tile(
        sparse.csr_array(matrix),
        4,
        np.array([2, 1, 0, 0]),
        (np.array([0, 0, 1, 3]), np.array([1, 3, 0, 3])),
    )
    assert tile.item.tolist() == [[0, 1, 2, 4], [4, 4, 4, 4], [1, 3, 4, 4], [1, 3, 4, 4]]
    assert tile.boost.tolist() == [[1, 2, 3, 0], [0, 0, 0, 0], [0.5, 0.25, 0, 0], [0.5, 0.25, 0, 0]]
    assert tile.listed.tolist() == [
        [True, False, True, False],
        [False] * 4,
        [True, True, False, False],
        [True, False, False, False],
    ]


def test_add_to_scores_adds_to_each_user_their_own_boosts():
    matrix = np.array([[0, 0.5, 0, 0.25], [0, 0, 0, 0], [1, 2, 3, 0]], np.float32)
    scores = np.arange(12, dtype=np.float32).reshape(3, 4)
    graph_boost.add_to_scores(sparse.csr_array(matrix), scores)
    np.testing.assert_array_equal(scores, np.arange(12).reshape(3, 4) + matrix)
