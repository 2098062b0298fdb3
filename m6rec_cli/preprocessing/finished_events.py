"""Kept events on disk to the columns of `events/*.parquet`, sorted and split, and their counts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from m6rec_cli.config.settings import DataConfig
from m6rec_cli.data.format import SPLITS, TRAIN
from m6rec_cli.data.manifest import Counts
from m6rec_cli.data.spans import contains
from m6rec_cli.preprocessing import event_blocks, splits
from m6rec_cli.preprocessing.event_blocks import EventBlocks
from m6rec_cli.preprocessing.event_order import find_ties, shuffle_ties, sort_events

COLUMNS = ["user_row", "item_row", "timestamp", "event", "weight", "label", "split"]


@dataclass
class EventCounts:
    """What is counted over the events of a data directory.

    Attributes:
        events: Events of each split, int (n_splits,).
        targets: Targets of each split, int (n_splits,).
        item_events: Training events of each item, int (n_items,).
        user_events: Training events of each user, int (n_users,).
        ties: Events at the same time as another event of their user.
        tied_users: Users with a validation or test target at the time of another of their events.
        n_repeats: Validation and test targets that their user has seen in an earlier split.
        n_targets: Validation and test targets.
    """

    item_events: np.ndarray
    user_events: np.ndarray
    events: np.ndarray = field(default_factory=lambda: np.zeros(len(SPLITS), np.int64))
    targets: np.ndarray = field(default_factory=lambda: np.zeros(len(SPLITS), np.int64))
    ties: int = 0
    tied_users: int = 0
    n_repeats: int = 0
    n_targets: int = 0

    def add(self, events: pl.DataFrame, tied: np.ndarray) -> None:
        """Count all events of some users."""
        users, items = events["user_row"].to_numpy(), events["item_row"].to_numpy()
        split, labels = events["split"].to_numpy(), events["label"].to_numpy()
        self.events += np.bincount(split, minlength=len(SPLITS))
        self.targets += np.bincount(split[labels], minlength=len(SPLITS))
        np.add.at(self.item_events, items[split == TRAIN], 1)
        np.add.at(self.user_events, users[split == TRAIN], 1)
        self.ties += int(np.count_nonzero(tied))
        self.tied_users += splits.count_tied_users(users, tied, labels, split)
        repeats, targets = splits.count_repeats(users, items, labels, split)
        self.n_repeats, self.n_targets = self.n_repeats + repeats, self.n_targets + targets

    @property
    def repeats(self) -> float:
        """Share of the validation and test targets that their user has seen before."""
        return self.n_repeats / max(self.n_targets, 1)

    def for_manifest(self, n_users: int, n_items: int) -> Counts:
        """Numbers of users, items, and events and targets of each split."""
        names = [name for code, name in enumerate(SPLITS) if code != TRAIN]
        return Counts(
            users=n_users,
            items=n_items,
            events=dict(zip(SPLITS, self.events.tolist(), strict=True)),
            targets={name: int(self.targets[SPLITS.index(name)]) for name in names},
        )


@dataclass(frozen=True)
class KeptEvents:
    """Events on row numbers, in blocks of neighbouring users, in the order of the log.

    Attributes:
        blocks: `user_row` and `item_row` u32, `timestamp` i64; `event` u8, `weight` f32 and `label`
            bool where they are no constants.
        n_of_user: Events of each user, int (n_users,).
        n_of_item: Events of each item, int (n_items,).
    """

    blocks: EventBlocks
    n_of_user: np.ndarray
    n_of_item: np.ndarray

    @classmethod
    def write(
        cls,
        source: EventBlocks,
        keep: Sequence[np.ndarray],
        user_row: np.ndarray,
        item_row: np.ndarray,
        kind: np.ndarray | None,
        sizes: tuple[int, int],
        folder: Path,
    ) -> "KeptEvents":
        """Write the events to keep on row numbers, and remove `source`.

        Args:
            source: Events on codes, all of a user in one block.
            keep: bool, the events of each block.
            user_row: Row of each user code.
            item_row: Row of each item code.
            kind: From `final_kind_codes`; None without event kinds.
            sizes: Number of users and of items.
        """
        n_of_user, n_of_item = (np.zeros(size, np.int64) for size in sizes)
        for block, kept in enumerate(keep):
            users = source.read(block, "user")["user"].to_numpy()[kept]
            np.add.at(n_of_user, user_row[users], 1)
        before = np.minimum(np.cumsum(n_of_user) - n_of_user, n_of_user.sum() - 1)
        block_of_user = (before // event_blocks.EVENTS_PER_BLOCK).astype(np.uint16)
        target = EventBlocks(folder / "kept", int(block_of_user[-1]) + 1)
        for block, kept in enumerate(keep):
            frame = source.read(block).filter(pl.Series(kept))
            users, items = (
                rows[frame[name].to_numpy()]
                for rows, name in ((user_row, "user"), (item_row, "item"))
            )
            np.add.at(n_of_item, items, 1)
            columns = [pl.Series("user_row", users), pl.Series("item_row", items)]
            columns += [frame[n] for n in ("timestamp", "weight", "label") if n in frame.columns]
            if kind is not None:
                codes = frame["event"].fill_null(len(kind) - 1).to_numpy()
                columns.append(pl.Series("event", kind[codes]))
            target.append(pl.DataFrame(columns), block_of_user[users])
        source.remove()
        return cls(target, n_of_user, n_of_item)

    def splitter(self, config: DataConfig) -> splits.Splitter:
        """The splitter of these events, with cold users and items drawn."""
        with_events = [
            np.flatnonzero(n).astype(np.uint32) for n in (self.n_of_user, self.n_of_item)
        ]
        users, items = (
            splits.draw_rows(rows, share, config.seed)
            for rows, share in zip(with_events, (config.cold_users, config.cold_items), strict=True)
        )
        times = self._time_bounds(users, items) if config.split == "temporal" else None
        return splits.Splitter(config, users, items, times)

    def finish(
        self, splitter: splits.Splitter, counts: EventCounts, *, has_ties: bool
    ) -> Iterator[pl.DataFrame]:
        """The events by user, time and order of the log, all of some users at a time.

        Args:
            counts: What is counted meanwhile.
            has_ties: Whether events of the same timestamp are tied.
        """
        random = np.random.default_rng(splitter.config.seed)
        for block in range(self.blocks.n_blocks):
            events = sort_events(self.blocks.read(block))
            if splitter.config.tie_order == "random":
                events = shuffle_ties(events, random)
            events = events.with_columns(
                constant.alias(name)
                for name, constant in _CONSTANTS.items()
                if name not in events.columns
            )
            tied = np.zeros(len(events), bool)
            if has_ties:
                tied = find_ties(events["user_row"].to_numpy(), events["timestamp"].to_numpy())
            events = splitter.split(events)
            counts.add(events, tied)
            yield events.select(COLUMNS)

    def _time_bounds(self, users: np.ndarray, items: np.ndarray) -> tuple[int, int] | None:
        """The first and the last time of the events of other users and items; None without any."""
        found = []
        for block in range(self.blocks.n_blocks):
            frame = self.blocks.read(block, "user_row", "item_row", "timestamp")
            cold = contains(users, frame["user_row"].to_numpy())
            cold |= contains(items, frame["item_row"].to_numpy())
            times = frame["timestamp"].to_numpy()[~cold]
            found += [times.min(), times.max()] if len(times) else []
        return (int(min(found)), int(max(found))) if found else None


_CONSTANTS = {
    "event": pl.lit(0, pl.UInt8),
    "weight": pl.lit(1.0, pl.Float32),
    "label": pl.lit(True),
}
"""The values of columns that a log does not have."""
