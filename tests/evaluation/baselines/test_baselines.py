"""Baselines: what every one keeps to, planted worlds, and their formulas by dense arithmetic."""

import numpy as np
import pytest

from m6rec_cli.evaluation.baselines import _base, ease, itemknn, last_item
from m6rec_cli.system import registry
from m6rec_cli.system.errors import M6RecError

NAMES = registry.names("evaluation.baselines")


def history(users, items, n_users):
    users, items = np.array(users, np.int32), np.array(items, np.int32)
    return _base.History(users, items, np.searchsorted(users, np.arange(n_users + 1)))


def random_history(seed=0, n_users=30, n_items=12):
    rng = np.random.default_rng(seed)
    lengths = np.append(rng.integers(1, 9, n_users - 1), 0)
    users = np.repeat(np.arange(n_users), lengths)
    return history(users, rng.integers(0, n_items - 1, len(users)), n_users)


@pytest.mark.parametrize("name", NAMES)
class TestEveryBaseline:
    def fit(self, name, h=None, n_users=30, n_items=12):
        return registry.load("evaluation.baselines", name).fit(
            h or random_history(), n_users, n_items
        )

    def test_scores_are_finite_float32_of_the_catalogue(self, name):
        scores = self.fit(name).score(np.arange(30))
        assert scores.shape == (30, 12)
        assert scores.dtype == np.float32
        assert np.isfinite(scores).all()

    def test_batch_equals_each_alone(self, name):
        scorer = self.fit(name)
        together = scorer.score(np.arange(30))
        alone = np.concatenate([scorer.score(np.array([u])) for u in range(30)])
        np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-6)

    def test_user_without_events_gets_popularity(self, name):
        h = random_history()
        count = np.bincount(h.item_row, minlength=12)
        scores = self.fit(name, h).score(np.array([29]))[0]
        np.testing.assert_array_equal(
            np.argsort(-scores, kind="stable"), np.argsort(-count, kind="stable")
        )

    def test_no_events_at_all_still_scores(self, name):
        empty = history([], [], 3)
        assert registry.load("evaluation.baselines", name).fit(empty, 3, 4).score(
            np.arange(3)
        ).shape == (3, 4)


def test_last_item_finds_the_successor_of_a_cycle():
    items = (np.arange(12)[:, None] + np.arange(5)) % 12
    h = history(np.repeat(np.arange(12), 5), items.ravel(), 12)
    best = last_item.fit(h, 12, 12).score(np.arange(12)).argmax(axis=1)
    np.testing.assert_array_equal(best, (items[:, -1] + 1) % 12)


def test_last_item_of_a_history_is_wide_enough_for_codes_of_pairs():
    last = history([0, 0, 2], [5, 70_000, 3], 3).last_item
    assert last.tolist() == [70_000, -1, 3]
    assert (last * 100_000).tolist() == [7_000_000_000, -100_000, 300_000]


def test_last_item_shares_are_those_of_the_pairs():
    h = history([0, 0, 1, 1, 2, 2, 3], [0, 1, 0, 1, 0, 2, 0], 4)
    scores = last_item.fit(h, 4, 3).score(np.array([3]))[0]
    np.testing.assert_allclose(scores, [0, 2 / 3, 1 / 3], atol=2e-3)


def test_itemknn_equals_dense_cosine():
    h = random_history(3)
    x = h.matrix(12).toarray()
    degree = x.sum(axis=0)
    cosine = (x.T @ x) / (np.sqrt(np.outer(degree, degree)) + 5)
    np.fill_diagonal(cosine, 0)
    expected = x @ cosine
    got = itemknn.fit(h, 30, 12, neighbours=12, shrink=5).score(np.arange(30))
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_itemknn_keeps_the_nearest_neighbours_alone():
    scorer = itemknn.fit(random_history(3), 30, 12, neighbours=2, shrink=0)
    assert isinstance(scorer, _base.ItemWeights)
    assert max(np.diff(scorer.weights.indptr)) == 2


def test_itemknn_blocks_change_nothing(monkeypatch):
    whole = itemknn.fit(random_history(5), 30, 12).score(np.arange(30))
    monkeypatch.setattr(itemknn, "_BLOCK_NONZEROS", 7)
    np.testing.assert_array_equal(
        itemknn.fit(random_history(5), 30, 12).score(np.arange(30)), whole
    )


def test_ease_equals_the_closed_form(monkeypatch):
    monkeypatch.setattr(ease, "_BLOCK", 4)
    h = random_history(1)
    x = h.matrix(12).toarray()[:, :11].astype(np.float64)
    inverse = np.linalg.inv(x.T @ x + 3 * np.eye(11))
    weights = np.eye(11) - inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    got = ease.fit(h, 30, 12, ridge=3).score(np.arange(30))
    np.testing.assert_allclose(got[:, :11], x @ weights, atol=1e-4)
    assert (got[:, 11] < got[:, :11].min(axis=1)).all()


def test_ease_weights_lie_by_rows_so_that_no_tile_copies_them():
    found = ease.fit(random_history(1), 30, 12)
    assert isinstance(found, ease.Ease)
    assert found.weights.flags.c_contiguous


def test_ease_refuses_a_catalogue_beyond_its_memory(monkeypatch):
    monkeypatch.setattr(ease, "MOST_ITEMS", 5)
    with pytest.raises(M6RecError, match=r"11 items with events need about .* GiB") as caught:
        ease.fit(random_history(1), 30, 12)
    assert "--baselines" in (caught.value.hint or "")
