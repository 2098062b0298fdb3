"""Splits, against plain Python on random logs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.data.format import TEST, TRAIN, VALID
from m6rec_cli.preprocessing import splits

logs = st.lists(
    st.tuples(st.integers(0, 4), st.booleans(), st.integers(0, 6)), min_size=1, max_size=60
).map(lambda rows: sorted(rows, key=lambda row: (row[0], row[2])))


def _arrays(rows: list[tuple[int, bool, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    users, labels, times = zip(*rows, strict=True)
    return np.array(users), np.array(labels), np.array(times, np.int64)


def test_leave_one_out_holds_out_the_last_two_events() -> None:
    users = np.array([0, 0, 0, 0, 1, 1, 2])
    split, label = splits.leave_one_out(users, np.ones(7, bool))
    assert split.tolist() == [TRAIN, TRAIN, VALID, TEST, TRAIN, TEST, TRAIN]
    assert label.all()


def test_leave_one_out_holds_out_unlabelled_events_after_a_target() -> None:
    labels = np.array([1, 0, 1, 0, 0, 1, 0], bool)
    split, label = splits.leave_one_out(np.zeros(7, int), labels)
    assert split.tolist() == [TRAIN, TRAIN, VALID, VALID, VALID, TEST, TEST]
    assert label.tolist() == labels.tolist()


@settings(deadline=None, max_examples=60)
@given(logs)
def test_leave_one_out_equals_a_loop_over_users(rows: list[tuple[int, bool, int]]) -> None:
    users, labels, _ = _arrays(rows)
    split, label = splits.leave_one_out(users, labels)
    for user in np.unique(users):
        own = np.flatnonzero(users == user)
        targets = [i for i in own if labels[i]]
        held = {}
        if len(targets) >= 2:
            held[TEST] = targets[-1]
        if len(targets) >= 3:
            held[VALID] = targets[-2]
        for code in (VALID, TEST):
            found = [i for i in own if split[i] == code and label[i]]
            assert found == ([held[code]] if code in held else [])
        # `Dataset.history` relies on it: the splits of a user never decrease.
        assert (np.diff(split[own].astype(int)) >= 0).all()
        first = min((held[c] for c in held), default=None)
        assert (split[[i for i in own if first is None or i < first]] == TRAIN).all()


@settings(deadline=None, max_examples=60)
@given(logs, st.floats(0, 0.4), st.floats(0, 0.4))
def test_temporal_training_events_are_earlier_than_held_out_ones(
    rows: list[tuple[int, bool, int]], valid: float, test: float
) -> None:
    _, _, times = _arrays(rows)
    split = splits.temporal(times, valid, test)
    groups = [times[split == code] for code in (TRAIN, VALID, TEST)]
    for earlier, later in ((0, 1), (1, 2), (0, 2)):
        if len(groups[earlier]) and len(groups[later]):
            assert groups[earlier].max() < groups[later].min()
    assert len(groups[0])


@settings(deadline=None, max_examples=60)
@given(logs, st.floats(0, 0.4), st.floats(0, 0.4))
def test_ratio_keeps_order_and_one_training_event(
    rows: list[tuple[int, bool, int]], valid: float, test: float
) -> None:
    users, _, _ = _arrays(rows)
    split = splits.ratio(users, valid, test)
    for user in np.unique(users):
        own = split[users == user].astype(int)
        assert (np.diff(own) >= 0).all()
        assert (own == TRAIN).any()
        assert (own == TEST).sum() <= len(own) * test + 1e-6


def test_ratio_holds_out_the_last_events() -> None:
    split = splits.ratio(np.zeros(10, int), 0.2, 0.1)
    assert split.tolist() == [TRAIN] * 7 + [VALID] * 2 + [TEST]


def test_count_repeats_counts_targets_with_an_earlier_event_in_another_split() -> None:
    users = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    items = np.array([5, 6, 5, 6, 5, 7, 7, 7])
    split = np.array([0, 0, 1, 2, 1, 2, 2, 2])
    labels = np.ones(8, bool)
    # The targets: 5 and 6 of user 0 are repeats, 5 and three times 7 of user 1 are not.
    assert splits.count_repeats(users, items, labels, split) == (2, 6)
    labels[[2, 5]] = False
    assert splits.count_repeats(users, items, labels, split) == (1, 4)
    assert splits.count_repeats(users, items, labels & (split == 0), split) == (0, 0)
    assert splits.count_repeats(users[:0], items[:0], labels[:0], split[:0]) == (0, 0)


def test_count_repeats_of_users_that_share_a_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splits, "_SLOTS", 1 << 6)
    rng = np.random.default_rng(0)
    users = np.sort(rng.integers(0, 100, 2_000))
    items, split = rng.integers(0, 90, 2_000), rng.integers(0, 3, 2_000)
    labels = rng.random(2_000) < 0.8
    first: dict[tuple[int, int], int] = {}
    for user, item, part in zip(users, items, split, strict=True):
        first[user, item] = min(part, first.get((user, item), part))
    targets = [
        first[user, item] < part
        for user, item, part, label in zip(users, items, split, labels, strict=True)
        if label and part != TRAIN
    ]
    assert 0 < np.mean(targets) < 1
    assert splits.count_repeats(users, items, labels, split) == (sum(targets), len(targets))


def test_count_tied_users_counts_users_with_a_tied_target() -> None:
    users = np.array([0, 0, 0, 1, 1, 2, 2])
    tied = np.array([0, 1, 1, 1, 1, 0, 0], bool)
    split = np.array([TRAIN, VALID, TEST, TRAIN, TRAIN, TRAIN, TEST])
    labels = np.ones(7, bool)
    assert splits.count_tied_users(users, tied, labels, split) == 1
    labels[:3] = False
    assert splits.count_tied_users(users, tied, labels, split) == 0


def test_draw_rows_draws_a_share_of_the_distinct_rows_by_the_seed() -> None:
    rows = np.repeat(np.arange(40), 3)
    drawn = splits.draw_rows(rows, 0.1, 5)
    assert len(np.unique(drawn)) == 4
    assert drawn.tolist() == splits.draw_rows(rows[::-1], 0.1, 5).tolist()
    assert drawn.tolist() != splits.draw_rows(rows, 0.1, 6).tolist()
    assert splits.draw_rows(rows, 0, 5).tolist() == []
    assert splits.draw_rows(rows, 0.001, 5).size == 1


def test_cold_targets_are_all_events_of_cold_users_and_the_last_cold_item_of_others() -> None:
    users = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1])
    labels = np.array([1, 0, 1, 1, 1, 1, 1, 0, 1], bool)
    cold = np.array([1, 1, 1, 1, 1, 0, 1, 1, 0], bool)
    found = splits.cold_targets(users, labels, cold, users == 0)
    # User 1: of the labelled events on cold items (the first and the third), the last.
    assert found.tolist() == [1, 0, 1, 1, 0, 1, 1, 0, 1]
