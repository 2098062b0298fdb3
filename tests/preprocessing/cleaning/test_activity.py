"""Removal of bots, and the k-core, against a plain loop."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.preprocessing.cleaning.activity import find_bots, k_core


def _k_core(
    users: np.ndarray,
    items: np.ndarray,
    least: tuple[int, int],
    n_blocks: int,
    keep: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`k_core` of events that are divided into blocks."""
    keep = np.ones(len(users), bool) if keep is None else keep
    blocks, kept = (
        list(zip(*(np.array_split(side, n_blocks) for side in (users, items)), strict=True)),
        np.array_split(keep, n_blocks),
    )
    found, few_users, few_items = k_core(blocks, (9, 9), least, kept)
    return np.concatenate(found), few_users, few_items


pairs = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=80)


@settings(deadline=None, max_examples=60)
@given(pairs, st.integers(1, 4), st.integers(1, 4), st.integers(1, 5))
def test_k_core_equals_removing_one_event_at_a_time(
    rows: list[tuple[int, int]], min_user: int, min_item: int, n_blocks: int
) -> None:
    users, items = (np.array(side) for side in zip(*rows, strict=True))
    left = list(range(len(rows)))
    while True:
        bad = next(
            (
                i
                for i in left
                if sum(users[j] == users[i] for j in left) < min_user
                or sum(items[j] == items[i] for j in left) < min_item
            ),
            None,
        )
        if bad is None:
            break
        left.remove(bad)
    keep, few_users, few_items = _k_core(users, items, (min_user, min_item), n_blocks)
    assert np.flatnonzero(keep).tolist() == left
    for removed, rows_of_side in ((few_users, users), (few_items, items)):
        assert set(removed) == set(rows_of_side) - set(rows_of_side[left])


@settings(deadline=None, max_examples=60)
@given(pairs, st.integers(1, 4), st.integers(1, 4))
def test_k_core_of_some_events_equals_that_of_a_log_without_the_others(
    rows: list[tuple[int, int]], min_user: int, min_item: int
) -> None:
    users, items = (np.array(side) for side in zip(*rows, strict=True))
    some = np.arange(len(rows)) % 3 > 0
    keep, *removed = _k_core(users, items, (min_user, min_item), 2, some)
    alone, *removed_alone = _k_core(users[some], items[some], (min_user, min_item), 1)
    np.testing.assert_array_equal(keep[some], alone)
    assert not keep[~some].any()
    assert [set(side) for side in removed] == [set(side) for side in removed_alone]


def test_find_bots_counts_events_per_day() -> None:
    day = 86_400_000
    users = np.array([0, 0, 0, 1, 1, 1])
    times = np.array([1, 2, 3, 1, 2, day + 1])
    assert find_bots(users, times, 2).tolist() == [0]
    assert find_bots(users, times, 3).tolist() == []
