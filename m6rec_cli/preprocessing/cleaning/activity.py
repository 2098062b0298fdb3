"""Users with too many events per day, users and items with too few (k-core): what to remove."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.preprocessing.cleaning.rules import CleaningLog
from m6rec_cli.system.errors import M6RecError

K_CORE = "too few events (k-core)"
"""The rule of users and items with too few events."""
_DAY_MS = 86_400_000


@dataclass(frozen=True, kw_only=True)
class ActivityFilter:
    """The outcome of the activity rules.

    Attributes:
        drop_user: bool (n_users,).
        drop_item: bool (n_items,).
        keep_event: bool (n_events,).
    """

    drop_user: np.ndarray
    drop_item: np.ndarray
    keep_event: np.ndarray


def filter_by_activity(
    events: pl.DataFrame,
    user_ids: pl.Series,
    item_ids: pl.Series,
    config: DataConfig,
    cleaning: CleaningLog,
    *,
    has_time: bool,
    path: str,
) -> ActivityFilter:
    """Apply `data.max_user_events_per_day`, `data.min_user_events` and `data.min_item_events`.

    Args:
        events: With `user_row`, `item_row` and `timestamp`.
        user_ids: By user row.
        item_ids: By item row.
        has_time: Whether the timestamps are times.
        path: The event log, for errors.

    Raises:
        M6RecError: No event is left, or the daily limit is set and the events have no times.
    """
    drop_user, drop_item = np.zeros(len(user_ids), bool), np.zeros(len(item_ids), bool)
    user_rows, item_rows = events["user_row"].to_numpy(), events["item_row"].to_numpy()
    keep = np.ones(len(events), bool)
    if config.max_user_events_per_day:
        if not has_time:
            raise M6RecError(
                "a daily limit needs times, and the events only have an order",
                where="data.max_user_events_per_day",
                hint="leave it at 0",
            )
        found = find_bots(user_rows, events["timestamp"].to_numpy(), config.max_user_events_per_day)
        drop_user[found] = True
        keep = ~drop_user[user_rows]
        cleaning.count_dropped(
            "events: of bots", int((~keep).sum()), user_ids.gather(found[:3]).to_list()
        )
    if config.min_user_events > 1 or config.min_item_events > 1:
        core, few_users, few_items = k_core(
            user_rows, item_rows, config.min_user_events, config.min_item_events, keep
        )
        for entity, rows, dropped, ids in (
            ("user", few_users, drop_user, user_ids),
            ("item", few_items, drop_item, item_ids),
        ):
            dropped[rows] = True
            cleaning.count_dropped(
                f"{entity}s: {K_CORE}", len(rows), ids.gather(rows[:3]).to_list()
            )
        cleaning.count_dropped("events: of such users and items", int(keep.sum() - core.sum()))
        keep = core
    if not keep.any():
        raise M6RecError(
            "no event is left after the minimum numbers of events",
            where=path,
            hint="lower `--min-user-events` or `--min-item-events`, or raise "
            "`data.max_user_events_per_day`",
        )
    return ActivityFilter(drop_user=drop_user, drop_item=drop_item, keep_event=keep)


def k_core(
    users: np.ndarray,
    items: np.ndarray,
    min_user: int,
    min_item: int,
    keep: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Remove users and items with too few events until all others have enough.

    Args:
        users: User row of each event, int (n,).
        items: Item row of each event, int (n,).
        keep: bool (n,), the events to start from; None for all.

    Returns:
        bool (n,), the events of the largest set in which every user has `min_user` and every item
        `min_item` events; and the sorted rows of the users and of the items that lost all their
        events.
    """
    keep = np.ones(len(users), bool) if keep is None else keep.copy()
    sides = ((users, min_user), (items, min_item))
    before = [
        np.bincount(rows) if keep.all() else np.bincount(rows, keep).astype(np.int64)
        for rows, _ in sides
    ]
    counts = [count.copy() for count in before]
    while any(
        ((count > 0) & (count < least)).any()
        for count, (_, least) in zip(counts, sides, strict=True)
    ):
        short_of_events = keep & ~((counts[0] >= min_user)[users] & (counts[1] >= min_item)[items])
        keep &= ~short_of_events
        for count, (rows, _) in zip(counts, sides, strict=True):
            count -= np.bincount(rows[short_of_events], minlength=len(count))
    few_users, few_items = (
        np.flatnonzero((b > 0) & (c == 0)) for b, c in zip(before, counts, strict=True)
    )
    return keep, few_users, few_items


def find_bots(users: np.ndarray, timestamps: np.ndarray, max_per_day: int) -> np.ndarray:
    """The sorted rows of users with more than `max_per_day` events on any day (UTC).

    Args:
        users: User row of each event, int (n,).
        timestamps: Milliseconds, int64 (n,).
    """
    frame = pl.DataFrame({"user": users, "day": timestamps // _DAY_MS})
    busy = frame.group_by("user", "day").len().filter(pl.col("len") > max_per_day)
    return np.sort(busy["user"].unique().to_numpy())
