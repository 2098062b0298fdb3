"""The co-occurrence graph: weights by hand, in any blocks; users' shares; reindexing; files."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.item_graphs import cooccurrence


def random_log(seed, users=12, items=15):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, 14, users)
    user = np.repeat(np.arange(users), sizes).astype(np.int32)
    return user, rng.integers(0, items, len(user)).astype(np.int32)


def expected_shares(user, item, n_items):
    """The definition, pair by pair."""
    weights = np.zeros((n_items, n_items))
    for i in range(len(user)):
        for j in range(i + 1, min(i + 11, len(user))):
            if user[i] == user[j] and item[i] != item[j]:
                weight = 0.8 ** (j - i - 1)
                weights[item[i], item[j]] += weight
                weights[item[j], item[i]] += weight / 2
    total = weights.sum(axis=1, keepdims=True)
    return np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)


def test_fit_of_two_histories_equals_shares_by_hand():
    # Histories a b c and c a. Neighbours of a: b with 1, c with .8 and with half of 1 (backward).
    user, item = np.array([0, 0, 0, 1, 1]), np.array([0, 1, 2, 2, 0])
    got = cooccurrence.fit(user, item, 4).toarray()
    np.testing.assert_allclose(got[0], np.array([0, 1, 0.8 + 0.5, 0]) / 2.3, rtol=1e-6)
    np.testing.assert_allclose(got[1], np.array([0.5, 0, 1, 0]) / 1.5, rtol=1e-6)
    np.testing.assert_allclose(got[2], np.array([0.4 + 1, 0.5, 0, 0]) / 1.9, rtol=1e-6)
    assert not got[3].any()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_fit_in_blocks_of_any_size_equals_the_definition(seed):
    user, item = random_log(seed)
    want = expected_shares(user, item, 15)
    with pytest.MonkeyPatch.context() as patch:
        for n_events in (10**7, 7, 1):
            patch.setattr(cooccurrence, "EVENTS_PER_BLOCK", n_events)
            np.testing.assert_allclose(cooccurrence.fit(user, item, 15).toarray(), want, atol=1e-6)


def test_fit_with_too_many_neighbours_keeps_the_largest_shares(monkeypatch):
    user, item = random_log(3, users=60)
    whole = cooccurrence.fit(user, item, 15).toarray()
    monkeypatch.setattr(cooccurrence, "MAX_NEIGHBOURS", 4)
    few = cooccurrence.fit(user, item, 15).toarray()
    for kept, row in zip(few, whole, strict=True):
        assert (kept > 0).sum() == 4
        np.testing.assert_array_equal(kept[kept > 0], row[kept > 0])
        assert row[kept == 0].max() <= kept[kept > 0].min()


@pytest.mark.parametrize("n", [0, 1])
def test_fit_without_pairs_is_empty(n):
    graph = cooccurrence.fit(np.zeros(n, np.int32), np.zeros(n, np.int32), 5)
    assert graph.shape == (5, 5)
    assert graph.nnz == 0
    assert cooccurrence.neighbour_shares(
        graph, np.zeros(n, np.int64), np.zeros(n, np.int64), 2
    ).shape == (2, 5)


def test_neighbour_shares_weigh_events_by_age():
    graph = cooccurrence.fit(*random_log(1), 15)
    # User 1 has no events.
    got = cooccurrence.neighbour_shares(
        graph, np.array([0, 0, 0, 2]), np.array([4, 9, 4, 7]), 3
    ).toarray()
    rows = graph.toarray()
    want = (rows[4] + 0.8 * rows[9] + 0.64 * rows[4]) / 2.44
    np.testing.assert_allclose(got, [want, 0 * want, rows[7]], atol=1e-6)


def test_reindex_moves_rows_and_columns_and_empties_unknown_items():
    graph = cooccurrence.fit(*random_log(2), 15)
    rows = np.array([3, -1, 14, 0])
    got = cooccurrence.reindex(graph, rows).toarray()
    want = np.where(
        (rows[:, None] >= 0) & (rows[None] >= 0), graph.toarray()[np.ix_(rows, rows)], 0
    )
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(
        cooccurrence.reindex(graph, np.arange(15)).toarray(), graph.toarray()
    )


def test_load_graph_equals_the_saved_graph(tmp_path):
    graph = cooccurrence.fit(*random_log(4), 15)
    cooccurrence.save_graph(tmp_path / "graph.npz", graph)
    got = cooccurrence.load_graph(tmp_path / "graph.npz")
    np.testing.assert_array_equal(got.toarray(), graph.toarray())


@pytest.mark.parametrize("max_pairs", [10**9, 20])
def test_fit_of_histories_in_parts_equals_that_of_all(monkeypatch, max_pairs):
    user, item = random_log(5, users=40)
    parts = [user < 9, (user >= 9) & (user < 10), (user >= 10) & (user < 31), user >= 31]
    whole = cooccurrence.fit(user, item, 15)
    monkeypatch.setattr(cooccurrence, "EVENTS_PER_BLOCK", 50)
    monkeypatch.setattr(cooccurrence, "MAX_PAIRS", max_pairs)
    popularity = np.bincount(item, minlength=15)
    got = cooccurrence.fit_histories(lambda: ((user[p], item[p]) for p in parts), popularity)
    np.testing.assert_array_equal(got.indices, whole.indices)
    if max_pairs > len(user):
        np.testing.assert_array_equal(got.data, whole.data)
    np.testing.assert_allclose(got.data, whole.data, rtol=1e-5)


def test_blocks_of_items_are_all_items_in_order():
    popularity = np.array([3, 2, 9, 1, 3, 2, 0])
    blocks = [list(items) for items in cooccurrence.blocks_of_items(popularity, 4)]
    assert [i for items in blocks for i in items] == list(range(7))
    assert len(blocks) > 2
    many = list(cooccurrence.blocks_of_items(np.ones(1000, np.int64), 1))
    assert len(many) <= 101, "a long log is not read for ever"
