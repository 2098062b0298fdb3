"""Baselines against planted worlds and their formulas in dense arithmetic."""

import numpy as np
import pytest

from m6rec_cli.evaluation.baselines import _base, ease, itemknn, last_item, repeats
from m6rec_cli.system.errors import M6RecError
from tests.evaluation.baselines.histories import history, random_history


def test_last_item_recommends_the_successor_in_a_cycle():
    items = (np.arange(12)[:, None] + np.arange(5)) % 12
    h = history(np.repeat(np.arange(12), 5), items.ravel(), 12)
    best = last_item.fit(h, 12, 12).score(h.per_user, np.arange(12)).argmax(axis=1)
    np.testing.assert_array_equal(best, (items[:, -1] + 1) % 12)


def test_history_last_item_is_int64_for_codes_of_item_pairs():
    last = history([0, 0, 2], [5, 70_000, 3], 3).per_user.last_item(np.arange(3))
    assert last.tolist() == [70_000, -1, 3]
    assert (last * 100_000).tolist() == [7_000_000_000, -100_000, 300_000]


def test_last_item_scores_are_transition_shares():
    h = history([0, 0, 1, 1, 2, 2, 3], [0, 1, 0, 1, 0, 2, 0], 4)
    scores = last_item.fit(h, 4, 3).score(h.per_user, np.array([3]))[0]
    np.testing.assert_allclose(scores, [0, 2 / 3, 1 / 3], atol=2e-3)


def test_repeats_rank_by_own_events_then_by_popularity():
    h = history([0, 0, 0, 1, 1, 1, 1], [4, 2, 4, 1, 1, 1, 0], 3)
    scores = repeats.fit(h, 3, 5).score(h.per_user, np.arange(3))
    assert scores.dtype == np.float32
    ranked = np.argsort(-scores, axis=1, kind="stable").tolist()
    assert ranked == [[4, 2, 1, 0, 3], [1, 0, 4, 2, 3], [1, 4, 0, 2, 3]]


def test_itemknn_equals_dense_cosine():
    h = random_history(3)
    x = h.matrix(12).toarray()
    degree = x.sum(axis=0)
    cosine = (x.T @ x) / (np.sqrt(np.outer(degree, degree)) + 5)
    np.fill_diagonal(cosine, 0)
    expected = x @ cosine
    got = itemknn.fit(h, 30, 12, neighbours=12, shrink=5).score(h.per_user, np.arange(30))
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_itemknn_keeps_only_the_nearest_neighbours():
    scorer = itemknn.fit(random_history(3), 30, 12, neighbours=2, shrink=0)
    assert isinstance(scorer, _base.ItemWeights)
    assert max(np.diff(scorer.weights.indptr)) == 2


def test_itemknn_scores_do_not_depend_on_the_block_size(monkeypatch):
    h = random_history(5)
    whole = itemknn.fit(h, 30, 12).score(h.per_user, np.arange(30))
    monkeypatch.setattr(itemknn, "BLOCK_NONZEROS", 7)
    np.testing.assert_array_equal(itemknn.fit(h, 30, 12).score(h.per_user, np.arange(30)), whole)


def test_ease_equals_the_closed_form(monkeypatch):
    monkeypatch.setattr(ease, "BLOCK_ROWS", 4)
    h = random_history(1)
    x = h.matrix(12).toarray()[:, :11].astype(np.float64)
    inverse = np.linalg.inv(x.T @ x + 3 * np.eye(11))
    weights = np.eye(11) - inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    got = ease.fit(h, 30, 12, ridge=3).score(h.per_user, np.arange(30))
    np.testing.assert_allclose(got[:, :11], x @ weights, atol=1e-4)
    assert (got[:, 11] < got[:, :11].min(axis=1)).all()


def test_ease_weights_are_row_major_so_that_scoring_does_not_copy_them():
    found = ease.fit(random_history(1), 30, 12)
    assert isinstance(found, ease.Ease)
    assert found.weights.flags.c_contiguous


def test_ease_too_many_items_are_an_error(monkeypatch):
    monkeypatch.setattr(ease, "MAX_ITEMS", 5)
    with pytest.raises(M6RecError, match=r"11 warm items need about .* GiB") as caught:
        ease.fit(random_history(1), 30, 12)
    assert "--baselines" in (caught.value.hint or "")
