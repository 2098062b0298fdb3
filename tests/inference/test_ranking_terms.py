"""Scores follow the formula of the ranking weights, alike in lists and in the scorer."""

import dataclasses

import numpy as np
import pytest
from scipy import sparse

from m6rec_cli.config.resolve import resolve
from m6rec_cli.config.settings import RecommendConfig
from m6rec_cli.data.store import Dataset
from m6rec_cli.inference.current_evidence import with_known_events
from m6rec_cli.inference.model_scorer import load_scorer
from m6rec_cli.inference.ranked_lists import ListMaker
from m6rec_cli.inference.ranking_terms import UserTermsTable, user_terms
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.item_graphs import cooccurrence
from m6rec_cli.ranking.weights import RankingWeights
from m6rec_cli.system.progress import SilentReporter
from tests.inference.trained import shop

__all__ = ["shop"]

WEIGHTS = RankingWeights(
    model=0.4,
    model_by_length=0.2,
    popularity=-0.3,
    popularity_by_length=0.5,
    neighbours=0.7,
    close_neighbours=0.6,
    second_neighbours=0.9,
    followers=0.8,
    words=1.5,
    repeats=0.3,
)


def list_scores(run, histories, rows, **config):
    """Scores of all items (users, items), from lists of the whole catalogue."""
    n_items = len(run.catalogue)
    config = RecommendConfig(k=n_items, seen="keep", **config)
    run = with_known_events(run, config, histories.events)
    lists = ListMaker(
        config=config,
        run=run,
        histories=dataclasses.replace(histories, run=run),
        allowed=np.ones(n_items, bool),
    )
    row = {name: i for i, name in enumerate(run.catalogue.ids)}
    out = np.zeros((len(rows), n_items))
    place = {name: i for i, name in enumerate(histories.ids.gather(rows))}
    for _, frame in lists.frames(rows):
        for user, item, score in frame.select("user_id", "item_id", "score").iter_rows():
            out[place[user], row[item]] = score
    return out


def with_weights(run, weights):
    catalogue = dataclasses.replace(run.catalogue, ranking=weights)
    return dataclasses.replace(run, catalogue=catalogue)


def softmax(logits):
    e = np.exp(logits - logits.max())
    return e / e.sum()


def recent_means(items, graph, n, decay):
    """The mean of the rows of the last `n` items, weighted by decay^age; 0 without items."""
    items = items[-n:]
    weights = decay ** np.arange(len(items))[::-1]
    return weights @ graph[items] / weights.sum() if len(items) else np.zeros(len(graph))


@pytest.mark.parametrize("noise_draws", [1, 3])
def test_frames_with_fixed_weights_follow_the_formula(shop, noise_draws):
    """p'(i) is proportional to p(i) (1 + w n q(i)), with q from the last ten events."""
    data, run = Dataset.open(shop.data), shop.loaded
    histories, rows = UserHistories.of_dataset(run, data, "all"), np.array([7, 0, 33, 64])
    fixed = {"ranking": "fixed", "cooccurrence_weight": 0.4, "content_weight": 0.0}
    plain, boosted = (
        list_scores(run, histories, rows, noise_draws=noise_draws, **config)
        for config in ({"ranking": "model"}, fixed)
    )
    events = data.events
    graph = cooccurrence.fit(events.user_row, events.item_row, data.n_items).toarray()
    for i, user in enumerate(rows):
        q = recent_means(events.item_row[events.user_row == user], graph, 10, 0.8)
        expected = np.exp(plain[i]) * (1 + 0.4 * len(graph) * q)
        if noise_draws == 1 or not q.any():
            np.testing.assert_allclose(np.exp(boosted[i]), expected / expected.sum(), rtol=2e-3)
        else:
            # The softmax of each draw is boosted by itself: the mean follows the formula nearly.
            assert np.corrcoef(np.log(expected), boosted[i])[0, 1] > 0.999
    assert not np.allclose(plain[0], boosted[0], atol=0.01)
    np.testing.assert_allclose(plain[3], boosted[3], atol=1e-4)  # user 64 has no event


def test_frames_with_learned_weights_follow_the_formula(shop):
    data, run = Dataset.open(shop.data), with_weights(shop.loaded, WEIGHTS)
    histories, rows = UserHistories.of_dataset(run, data, "all"), np.array([7, 0, 33, 64])
    plain = list_scores(run, histories, rows, ranking="model")
    found = list_scores(run, histories, rows)
    catalogue = with_known_events(run, RecommendConfig(), histories.events).catalogue
    graph, words = catalogue.evidence.graph.toarray(), catalogue.cosines["words"].toarray()
    following = catalogue.transitions.toarray()
    second = catalogue.evidence.second_neighbours.toarray()
    assert following.any()
    assert second.any()
    count = np.bincount(data.events.item_row, minlength=data.n_items)
    assert words.any()
    for i, user in enumerate(rows):
        items = data.events.item_row[data.events.user_row == user]
        length = np.log1p(len(items))
        q, cosine = recent_means(items, graph, 10, 0.8), recent_means(items, words, 5, 0.5)
        logits = (
            (0.4 + 0.2 * length) * plain[i]
            + (-0.3 + 0.5 * length) * np.log1p(count)
            + 0.7 * np.log1p(0.1 * len(q) * q)
            + 0.6 * np.log1p(10 * len(q) * q)
            + 0.9 * np.log1p(len(q) * recent_means(items, second, 10, 0.8))
            + 0.8 * np.log1p(10 * len(q) * recent_means(items, following, 1, 1.0))
            + 1.5 * cosine
            + 0.3 * np.log1p(np.bincount(items, minlength=data.n_items))
        )
        np.testing.assert_allclose(np.exp(found[i]), softmax(logits), rtol=2e-3, atol=1e-7)


@pytest.mark.parametrize("setting", ["learned", "fixed", "model"])
def test_score_equals_the_lists(shop, setting):
    data, run = Dataset.open(shop.data), shop.loaded
    rows = np.arange(64)
    config = resolve("evaluate", sets=[f"recommend.ranking={setting}"])
    scores = load_scorer(shop.run, data, "test", config, SilentReporter()).score(rows)
    log_probabilities = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    histories = UserHistories.of_dataset(run, data, "test")
    listed = list_scores(run, histories, rows, ranking=setting)
    np.testing.assert_allclose(log_probabilities, listed, atol=1e-4)


def test_user_terms_use_no_more_events_than_the_decoder_reads(shop):
    data, run = Dataset.open(shop.data), with_weights(shop.loaded, WEIGHTS)
    model = dataclasses.replace(run.config.model, max_history=2)
    run = dataclasses.replace(run, config=dataclasses.replace(run.config, model=model))
    histories, rows = UserHistories.of_dataset(run, data, "all"), np.array([5, 1])
    owner, item = histories.latest(rows, 2)
    assert owner.tolist() == [0, 0, 1, 1]
    for place, user in enumerate(rows):
        mine = data.events.item_row[data.events.user_row == user]
        assert item[owner == place].tolist() == mine[-2:].tolist()
    found = user_terms(histories, rows)
    evidence = run.catalogue.evidence.of_users(owner, item, 2)
    expected = WEIGHTS.gains(evidence, len(run.catalogue)).toarray()
    np.testing.assert_allclose(found.boosts.toarray(), expected, rtol=1e-5)
    np.testing.assert_allclose(found.model, 0.4 + 0.2 * np.log(3), rtol=1e-6)
    np.testing.assert_allclose(found.popularity, -0.3 + 0.5 * np.log(3), rtol=1e-6)


def table(matrix):
    ones = np.ones(len(matrix), np.float32)
    return UserTermsTable(2 * ones, 3 * ones, sparse.csr_array(matrix))


BOOSTS = np.array([[0, 0.5, 0, 0.25], [0, 0, 0, 0], [1, 2, 3, 0]], np.float32)


def test_tile_marks_hidden_items_and_pads():
    tile = table(BOOSTS).tile(
        np.array([2, 1, 0, 0]), (np.array([0, 0, 1, 3]), np.array([1, 3, 0, 3]))
    )
    assert tile.model.tolist() == [2] * 4
    assert tile.popularity.tolist() == [3] * 4
    assert tile.item.tolist() == [[0, 1, 2, 4], [4, 4, 4, 4], [1, 3, 4, 4], [1, 3, 4, 4]]
    assert tile.boost.tolist() == [[1, 2, 3, 0], [0, 0, 0, 0], [0.5, 0.25, 0, 0], [0.5, 0.25, 0, 0]]
    assert tile.listed.tolist() == [
        [True, False, True, False],
        [False] * 4,
        [True, True, False, False],
        [True, False, False, False],
    ]


def test_add_to_adds_to_each_user_their_own_boosts_and_popularity():
    scores = np.arange(12, dtype=np.float32).reshape(3, 4)
    popularity = np.array([0, 1, 2, 0.5], np.float32)
    terms = table(BOOSTS)._replace(popularity=np.array([1, 0, -2], np.float32))
    terms.add_to(scores, popularity)
    added = BOOSTS + np.outer([1, 0, -2], popularity)
    np.testing.assert_array_equal(scores, np.arange(12).reshape(3, 4) + added)
