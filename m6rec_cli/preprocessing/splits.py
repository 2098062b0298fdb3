"""Events sorted by user and time to the split of each event: 0 train, 1 valid, 2 test, 3 cold.

In all functions `users` is sorted, and `labels` says which events can be targets; the arrays are
aligned. All events of a user are in them, those of other users may be elsewhere.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.data.format import COLD, TEST, TRAIN, VALID
from m6rec_cli.data.spans import contains, user_spans
from m6rec_cli.system.errors import M6RecError

_SLOTS = 1 << 24
"""Slots of the table of users and items that have a target; two pairs may share one."""


@dataclass(frozen=True)
class Splitter:
    """Splits the events of some users at a time.

    Cold users and items are chosen first; the other events are split as if the cold ones did not
    exist.

    Attributes:
        cold_users: Sorted user rows.
        cold_items: Sorted item rows.
        times: The first and the last timestamp of all events that are not cold; a temporal split
            needs them.
    """

    config: DataConfig
    cold_users: np.ndarray
    cold_items: np.ndarray
    times: tuple[int, int] | None = None

    def split(self, events: pl.DataFrame) -> pl.DataFrame:
        """Add the column `split` u8, and restrict `label` to the events that are targets.

        Args:
            events: `user_row`, `item_row`, `timestamp` and `label`, sorted by user and time.
        """
        users, label = events["user_row"].to_numpy(), events["label"].to_numpy().astype(bool)
        times, items = events["timestamp"].to_numpy(), events["item_row"].to_numpy()
        if not (len(self.cold_users) or len(self.cold_items)):
            split, label = self._by_kind(users, label, times)
        else:
            cold_user = contains(self.cold_users, users)
            cold = cold_user | contains(self.cold_items, items)
            split = np.full(len(events), COLD, np.uint8)
            label = cold_targets(users, label, cold, cold_user)
            split[~cold], label[~cold] = self._by_kind(users[~cold], label[~cold], times[~cold])
        return events.with_columns(
            pl.Series("split", split, pl.UInt8), pl.Series("label", label, pl.Boolean)
        )

    def _by_kind(
        self, users: np.ndarray, label: np.ndarray, times: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        valid, test = self.config.valid_fraction, self.config.test_fraction
        match self.config.split:
            case "leave-one-out":
                return leave_one_out(users, label)
            case "temporal":
                return temporal(times, valid, test, self.times), label
            case "ratio":
                return ratio(users, valid, test), label
            case _:
                return np.zeros(len(users), np.uint8), label


def require_times(config: DataConfig, *, has_time: bool) -> None:
    """Raise if the split is temporal and the events have no times."""
    if config.split == "temporal" and not has_time:
        raise M6RecError(
            "a temporal split needs times, and the events only have an order",
            where="data.split",
            hint="choose `--split ratio` or `leave-one-out`",
        )


def leave_one_out(users: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each user's last labelled event is the test target, the one before it the validation target.

    Users with two labelled events have no validation target; users with fewer have no target, and
    all their events are `train`. Unlabelled events between the two targets are `valid`, those after
    the last one
    `test`: so the history before a target holds all earlier events and no later one.

    Returns:
        The splits, and the labels.
    """
    labels = labels.astype(bool)
    starts, sizes = user_spans(users)
    # int32 takes half the memory of the default.
    before = np.concatenate([[0], np.cumsum(labels, dtype=np.int32)])
    total = before[starts + sizes] - before[starts]
    # Labelled events of the same user that come later.
    after = np.repeat(before[starts + sizes], sizes)
    after -= before[1:]
    held_out = np.flatnonzero(after <= 1)
    after, total = after[held_out], total[np.searchsorted(starts, held_out, side="right") - 1]
    split = np.full(len(users), TRAIN, np.uint8)
    # An unlabelled event just before the validation target has two labelled ones after it: it is
    # `train`.
    split[held_out[(after == 1) & (total >= 3)]] = VALID
    split[held_out[(after == 0) & (total >= 2)]] = TEST
    return split, labels.copy()


def temporal(
    timestamps: np.ndarray,
    valid_fraction: float,
    test_fraction: float,
    bounds: tuple[int, int] | None = None,
) -> np.ndarray:
    """Split at two times, the same for all users; fractions are of the log's duration.

    Args:
        bounds: The first and the last timestamp of the log; by default those of `timestamps`.
    """
    if not len(timestamps):
        return np.zeros(0, np.uint8)
    first, last = bounds or (int(timestamps.min()), int(timestamps.max()))
    length = last - first
    test_from = last - test_fraction * length
    valid_from = test_from - valid_fraction * length
    split = np.full(len(timestamps), TRAIN, np.uint8)
    if valid_fraction:
        split[timestamps > valid_from] = VALID
    if test_fraction:
        split[timestamps > test_from] = TEST
    return split


def ratio(users: np.ndarray, valid_fraction: float, test_fraction: float) -> np.ndarray:
    """Hold out fractions of each user's events, rounded down; their first event is `train`."""
    start, end = _bounds(users)
    n = end - start
    from_end = end - 1 - np.arange(len(users))
    n_test = np.floor(n * test_fraction + 1e-9)
    n_valid = np.floor(n * valid_fraction + 1e-9)
    split = np.full(len(users), TRAIN, np.uint8)
    split[from_end < n_test + n_valid] = VALID
    split[from_end < n_test] = TEST
    split[from_end == n - 1] = TRAIN
    return split


def draw_rows(rows: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Draw a share of the distinct rows, sorted; at least one unless the share is 0."""
    if not share or not len(rows):
        return rows[:0]
    known = np.unique(rows)
    n = max(1, round(share * len(known)))
    return np.sort(np.random.default_rng(seed).choice(known, n, replace=False))


def cold_targets(
    users: np.ndarray, labels: np.ndarray, cold: np.ndarray, cold_user: np.ndarray
) -> np.ndarray:
    """The labels, restricted on cold events to those that are targets.

    All labelled events of a cold user are targets, since nothing is known before the first. Of
    another user, only the last labelled event on a cold item is: the history before it is the
    longest.

    Args:
        cold: Events of cold users or items.
        cold_user: Events of cold users.
    """
    candidates = cold & labels & ~cold_user
    end = _bounds(users)[1]
    count = np.concatenate([[0], np.cumsum(candidates)])
    last = candidates & (count[end] == count[1:])
    return np.where(cold & ~cold_user, last, labels.astype(bool))


def count_tied_users(
    users: np.ndarray, tied: np.ndarray, labels: np.ndarray, split: np.ndarray
) -> int:
    """Number of users with a validation or test target at the time of another of their events.

    Args:
        tied: From `event_order.find_ties`.
    """
    held_out = labels.astype(bool) & ((split == VALID) | (split == TEST))
    return len(np.unique(users[held_out & tied]))


def count_repeats(
    users: np.ndarray, items: np.ndarray, labels: np.ndarray, split: np.ndarray
) -> tuple[int, int]:
    """Number of validation and test targets with an event of user and item in an earlier split.

    Most events share no user and item with a target. A table of 64 slots a user leaves them out:
    grouping all events takes ten times as long.

    Returns:
        The number, and that of all validation and test targets.
    """
    is_target = labels.astype(bool) & ((split == VALID) | (split == TEST))
    slots = users.astype(np.uint32) << 6 | items.astype(np.uint32) & 63
    slots &= _SLOTS - 1
    has_target = np.zeros(_SLOTS, bool)
    has_target[slots[is_target]] = True
    at = np.flatnonzero(has_target[slots])
    events = pl.DataFrame(
        {"user": users[at], "item": items[at], "split": split[at], "is_target": is_target[at]}
    )
    first_split = pl.col("split").min().over("user", "item")
    repeats = events.filter(pl.col("is_target") & (first_split < pl.col("split")))
    return len(repeats), int(np.count_nonzero(is_target))


def _bounds(users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each event, the first position of its user's events and the one after the last."""
    starts, sizes = user_spans(users)
    return np.repeat(starts, sizes), np.repeat(starts + sizes, sizes)
