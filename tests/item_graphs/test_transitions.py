"""The table of what follows each item directly, by hand and against a plain count."""

from collections import Counter

import numpy as np

from m6rec_cli.item_graphs import cooccurrence, transitions


def test_fit_counts_what_follows_directly():
    # User 0: a b b c; user 1: a c; nothing links the last event of one user to the next user.
    user, item = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 1, 1, 2, 0, 2])
    expected = [[0, 1 / 3, 1 / 3, 0], [0, 0, 1 / 2, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    found = transitions.fit(user, item, 4)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-6)


def test_fit_equals_a_plain_count():
    rng = np.random.default_rng(0)
    user, item = np.sort(rng.integers(0, 30, 400)), rng.integers(0, 12, 400)
    pairs = Counter(
        (a, b)
        for u, v, a, b in zip(user, user[1:], item.tolist(), item[1:].tolist(), strict=False)
        if u == v and a != b
    )
    expected = np.zeros((12, 12))
    for (a, b), count in pairs.items():
        expected[a, b] = count
    expected /= 1 + expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(transitions.fit(user, item, 12).toarray(), expected, rtol=1e-5)


def test_fit_of_no_events_is_empty():
    none = np.zeros(0, np.int64)
    assert transitions.fit(none, none, 3).nnz == 0


def test_fit_keeps_the_largest_shares_of_an_item():
    n = cooccurrence.MAX_NEIGHBOURS + 20
    follower = np.concatenate([np.arange(1, n), np.arange(1, n - 20)])
    item = np.stack([np.zeros(len(follower), np.int64), follower], axis=1).ravel()
    user = np.repeat(np.arange(len(follower)), 2)
    row = transitions.fit(user, item, n).toarray()[0]
    assert np.flatnonzero(row).tolist() == [*list(range(1, n - 20)), n - 20]


def test_shares_of_last_items_are_those_of_the_last_event():
    table = transitions.fit(np.array([0, 0, 0]), np.array([0, 1, 2]), 3)
    found = transitions.shares_of_last_items(table, np.array([0, 0, 2]), np.array([1, 0, 1]), 3)
    np.testing.assert_allclose(found.toarray(), [[0, 0.5, 0], [0, 0, 0], [0, 0, 0.5]])
    none = np.zeros(0, np.int64)
    assert transitions.shares_of_last_items(table, none, none, 2).shape == (2, 3)


def test_fit_of_histories_in_parts_equals_that_of_all(monkeypatch):
    rng = np.random.default_rng(1)
    user, item = np.sort(rng.integers(0, 30, 400)), rng.integers(0, 12, 400)
    whole = transitions.fit(user, item, 12)
    monkeypatch.setattr(transitions, "EVENTS_PER_BLOCK", 90)
    parts = [user < 4, (user >= 4) & (user < 20), user >= 20]
    got = transitions.fit_histories(
        lambda: ((user[p], item[p]) for p in parts), np.bincount(item, minlength=12)
    )
    np.testing.assert_array_equal(got.toarray(), whole.toarray())
