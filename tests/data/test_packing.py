"""Packed rows, read back window by window."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.data.events import Events
from m6rec_cli.data.packing import (
    gap_buckets,
    pack_histories,
    pack_queries,
    pack_training,
    row_length,
)
from m6rec_cli.data.queries import Queries
from m6rec_cli.system.tokens import START


def events(lengths, seed=0):
    rng = np.random.default_rng(seed)
    users = np.repeat(np.arange(len(lengths)), lengths)
    n = len(users)
    return Events(
        user_row=users.astype(np.int32),
        item_row=rng.integers(0, 50, n).astype(np.int32),
        timestamp=np.arange(n) * 1000,
        event=rng.integers(0, 3, n).astype(np.uint8),
        weight=np.ones(n, np.float32),
        label=np.ones(n, bool),
        split=np.zeros(n, np.uint8),
    )


def read_back(packed):
    """User, input items, targets and weights of every window."""
    windows = []
    for r in range(len(packed)):
        starts = [*np.flatnonzero(packed.reset[r]), packed.item.shape[1]]
        for a, b in itertools.pairwise(starts):
            if packed.weight[r, a:b].any() or (packed.item[r, a + 1 : b] >= 0).any():
                windows.append(
                    (
                        packed.user[r, a],
                        packed.item[r, a:b],
                        packed.target[r, a:b],
                        packed.weight[r, a:b],
                    )
                )
    return windows


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=30).filter(any),
    st.sampled_from([8, 16, 64]),
    st.integers(0, 3),
)
def test_pack_training_makes_every_event_a_target_exactly_once(lengths, length, epoch):
    log = events(lengths)
    packed = pack_training(
        log,
        np.zeros(len(log), np.int32),
        weight=log.weight,
        length=length,
        first_event=1.0,
        rng=np.random.default_rng(epoch),
    )
    found = []
    for user, items, targets, weights in read_back(packed):
        real = weights > 0
        found += [(int(user), int(t)) for t in targets[real]]
        # The input at each position is the target of the position before.
        np.testing.assert_array_equal(items[1:][real[1:]], targets[:-1][real[1:]])
    assert sorted(found) == sorted(zip(log.user_row.tolist(), log.item_row.tolist(), strict=True))
    assert (packed.item[packed.reset & (packed.weight > 0)] == START).sum() == np.count_nonzero(
        lengths
    )


def test_pack_training_window_inside_a_history_starts_with_the_event_before():
    log = events([30])
    packed = pack_training(
        log,
        np.zeros(30, np.int32),
        weight=log.weight,
        length=8,
        first_event=1.0,
        rng=np.random.default_rng(0),
    )
    windows = read_back(packed)
    assert len(windows) >= 4
    for _, items, targets, _ in windows:
        if items[0] != START:
            at = [
                i
                for i in range(1, 30)
                if log.item_row[i] == targets[0] and log.item_row[i - 1] == items[0]
            ]
            assert at


def test_pack_training_first_event_weight_scales_the_first_target():
    log = events([3, 4])
    packed = pack_training(
        log,
        np.zeros(7, np.int32),
        weight=log.weight,
        length=8,
        first_event=0.25,
        rng=np.random.default_rng(0),
    )
    for _, _, _, weights in read_back(packed):
        assert weights[0] == np.float32(0.25)
        assert weights[1] == 1


def test_pack_training_fills_rows_tightly():
    lengths = np.random.default_rng(0).geometric(1 / 9, 2000)
    log = events(np.minimum(lengths, 60))
    packed = pack_training(
        log,
        np.zeros(len(log), np.int32),
        weight=log.weight,
        length=64,
        first_event=1.0,
        rng=np.random.default_rng(0),
    )
    assert (packed.weight > 0).mean() > 0.97


def test_pack_training_depends_on_the_random_numbers_alone():
    log = events([5] * 40)
    gaps = np.zeros(len(log), np.int32)

    def pack(seed):
        rng = np.random.default_rng(seed)
        return pack_training(log, gaps, weight=log.weight, length=16, first_event=1.0, rng=rng).item

    np.testing.assert_array_equal(pack(1), pack(1))
    assert not np.array_equal(pack(1), pack(2))


@pytest.mark.parametrize("max_history", [3, 200])
def test_pack_histories_returns_the_last_token_of_each_user(max_history):
    lengths = [0, 5, 1, 12]
    log = events(lengths)
    users = np.array([3, 0, 1])
    packed, row, at = pack_histories(
        log, np.zeros(len(log), np.int32), users, 4, max_history=max_history
    )
    offsets = log.offsets(4)
    for user, r, place in zip(users, row, at, strict=True):
        n = min(lengths[user], max_history)
        history = log.item_row[offsets[user + 1] - n : offsets[user + 1]]
        cut = n < lengths[user]
        first = log.item_row[offsets[user + 1] - n - 1] if cut else START
        np.testing.assert_array_equal(packed.item[r, place - n : place + 1], [first, *history])
        assert packed.reset[r, place - n]
        assert packed.user[r, place] == user


def test_gap_buckets_grow_by_powers_of_two_within_a_user():
    log = events([3, 2])
    log.timestamp[:] = [0, 1000, 8000, 0, 10**15]
    np.testing.assert_array_equal(gap_buckets(log, has_time=True), [0, 2, 4, 0, 23])
    assert not gap_buckets(log, has_time=False).any()


def test_row_length_fits_most_histories():
    assert row_length(np.array([5] * 99 + [500]), 200) == 64
    assert row_length(np.array([100] * 100), 200) == 128
    assert row_length(np.array([1000] * 100), 200) == 256
    assert row_length(np.array([]), 200) == 64


def test_pack_queries_histories_that_fit_share_the_tokens_of_the_longest():
    log = events([5, 0, 3])
    gaps = gap_buckets(log, has_time=True)
    user = np.array([0, 0, 0, 1, 2, 2])
    start, stop = np.array([0, 0, 0, 5, 5, 5]), np.array([0, 2, 5, 5, 6, 8])
    queries = Queries(events=log, user_row=user, start=start, stop=stop)
    packed, row, at = pack_queries(queries, gaps, max_history=200)
    assert np.count_nonzero(packed.item >= 0) == 8
    for q in range(len(queries)):
        n = stop[q] - start[q]
        window = slice(at[q] - n, at[q] + 1)
        assert packed.item[row[q], window].tolist() == [
            START,
            *log.item_row[start[q] : stop[q]].tolist(),
        ]
        assert packed.reset[row[q], at[q] - n]
        assert (packed.user[row[q], window] == user[q]).all()


def test_pack_queries_longer_histories_have_windows_of_their_own():
    log = events([6])
    gaps = gap_buckets(log, has_time=True)
    stop = np.array([1, 2, 3, 6])
    zeros = np.zeros(4, np.int64)
    queries = Queries(events=log, user_row=zeros, start=zeros, stop=stop)
    packed, row, at = pack_queries(queries, gaps, max_history=2)
    # The window of 3 events starts with the one before it; those of 1 and 2 share the start token.
    for q, first in enumerate((0, 0, 1, 4)):
        n = stop[q] - first
        before = START if first == 0 else log.item_row[first - 1]
        got = packed.item[row[q], at[q] - n : at[q] + 1]
        assert got.tolist() == [before, *log.item_row[first : stop[q]].tolist()]
    assert (row[0], at[0] + 1) == (row[1], at[1])
