"""Users with too many events per day, users and items with too few (k-core): what to remove."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.preprocessing.cleaning.rules import CleaningLog
from m6rec_cli.preprocessing.event_blocks import EventBlocks
from m6rec_cli.system.errors import M6RecError

K_CORE = "too few events (k-core)"
"""The rule of users and items with too few events."""
_EXAMPLES = 3
_DAY_MS = 86_400_000


@dataclass(frozen=True, kw_only=True)
class ActivityFilter:
    """The outcome of the activity rules.

    Attributes:
        drop_user: bool, by code.
        drop_item: bool, by code.
        keep_event: bool, the events of each block.
    """

    drop_user: np.ndarray
    drop_item: np.ndarray
    keep_event: list[np.ndarray]


@dataclass(frozen=True)
class _Pairs:
    """The codes of users and items of each block."""

    blocks: EventBlocks

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for block in range(self.blocks.n_blocks):
            frame = self.blocks.read(block, "user", "item")
            yield frame["user"].to_numpy(), frame["item"].to_numpy()


def filter_by_activity(
    blocks: EventBlocks,
    ids: dict[str, pl.Series],
    rows: dict[str, np.ndarray],
    config: DataConfig,
    cleaning: CleaningLog,
    *,
    has_time: bool,
    path: str,
) -> ActivityFilter:
    """Apply `data.max_user_events_per_day`, `data.min_user_events` and `data.min_item_events`.

    Args:
        blocks: Events with codes `user` and `item`, and `timestamp`; all of a user in one block.
        ids: The id of each code, of `user` and of `item`.
        rows: The row of each code, by which examples are chosen.
        has_time: Whether the timestamps are times.
        path: The event log, for errors.

    Raises:
        M6RecError: No event is left, or the daily limit is set and the events have no times.
    """
    drop = {name: np.zeros(len(values), bool) for name, values in ids.items()}
    keep = [np.ones(blocks.n_events(block), bool) for block in range(blocks.n_blocks)]

    def examples(name: str, codes: np.ndarray) -> list[str]:
        first = codes[np.argsort(rows[name][codes])[:_EXAMPLES]]
        return ids[name].gather(first).to_list()

    if config.max_user_events_per_day:
        if not has_time:
            raise M6RecError(
                "a daily limit needs times, and the events only have an order",
                where="data.max_user_events_per_day",
                hint="leave it at 0",
            )
        most = config.max_user_events_per_day
        found = []
        for block in range(blocks.n_blocks):
            frame = blocks.read(block, "user", "timestamp")
            users = frame["user"].to_numpy()
            found.append(find_bots(users, frame["timestamp"].to_numpy(), most))
            drop["user"][found[-1]] = True
            keep[block] = ~drop["user"][users]
        n = sum(map(len, keep)) - _count(keep)
        cleaning.count_dropped("events: of bots", n, examples("user", np.concatenate(found)))
    if config.min_user_events > 1 or config.min_item_events > 1:
        before = _count(keep)
        keep, few_users, few_items = k_core(
            _Pairs(blocks),
            (len(ids["user"]), len(ids["item"])),
            (config.min_user_events, config.min_item_events),
            keep,
        )
        for name, codes in (("user", few_users), ("item", few_items)):
            drop[name][codes] = True
            cleaning.count_dropped(f"{name}s: {K_CORE}", len(codes), examples(name, codes))
        cleaning.count_dropped("events: of such users and items", before - _count(keep))
    if not _count(keep):
        raise M6RecError(
            "no event is left after the minimum numbers of events",
            where=path,
            hint="lower `--min-user-events` or `--min-item-events`, or raise "
            "`data.max_user_events_per_day`",
        )
    return ActivityFilter(drop_user=drop["user"], drop_item=drop["item"], keep_event=keep)


def k_core(
    pairs: Iterable[tuple[np.ndarray, np.ndarray]],
    sizes: tuple[int, int],
    least: tuple[int, int],
    keep: Sequence[np.ndarray],
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Remove users and items with too few events until all others have enough.

    Args:
        pairs: User and item of the events of each block, int; read many times.
        sizes: Number of users and of items.
        least: Events that every user and every item must have.
        keep: bool, the events of each block to start from.

    Returns:
        bool, the events of each block that are in the largest set in which all users and items have
        enough events; and the sorted users and the sorted items that lost all their events.
    """
    keep = list(keep)
    counts = [np.zeros(size, np.int64) for size in sizes]
    for (users, items), kept in zip(pairs, keep, strict=True):
        for count, codes in zip(counts, (users, items), strict=True):
            np.add.at(count, codes if kept.all() else codes[kept], 1)
    before = [count.copy() for count in counts]
    while any(((count > 0) & (count < n)).any() for count, n in zip(counts, least, strict=True)):
        for block, (users, items) in enumerate(pairs):
            # Counts fall within the round, so that later blocks lose their events in the same one.
            enough = (counts[0] >= least[0])[users] & (counts[1] >= least[1])[items]
            short = keep[block] & ~enough
            keep[block] = keep[block] & enough
            for count, codes in zip(counts, (users, items), strict=True):
                np.subtract.at(count, codes[short], 1)
    few_users, few_items = (
        np.flatnonzero((b > 0) & (c == 0)) for b, c in zip(before, counts, strict=True)
    )
    return keep, few_users, few_items


def _count(keep: Sequence[np.ndarray]) -> int:
    return sum(int(np.count_nonzero(kept)) for kept in keep)


def find_bots(users: np.ndarray, timestamps: np.ndarray, max_per_day: int) -> np.ndarray:
    """The sorted rows of users with more than `max_per_day` events on any day (UTC).

    Args:
        users: User row of each event, int (n,).
        timestamps: Milliseconds, int64 (n,).
    """
    frame = pl.DataFrame({"user": users, "day": timestamps // _DAY_MS})
    busy = frame.group_by("user", "day").len().filter(pl.col("len") > max_per_day)
    return np.sort(busy["user"].unique().to_numpy())
