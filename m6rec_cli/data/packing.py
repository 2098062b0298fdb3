"""Histories to packed rows of tokens: what the decoder reads, with no step spent on padding.

A history of n events is a start token and the events but the last as inputs; every event is a target. A
history longer than a row is cut into windows, at an offset that changes with the epoch; a window that
begins in mid-history has the event before it in place of the start token. Everything is a pure function of (seed, epoch).
"""

from dataclasses import dataclass

import numpy as np

from m6rec_cli.data.store import Events
from m6rec_cli.system.tokens import N_GAPS, START

_ROW_STEP = 64


@dataclass(frozen=True)
class PackedRows:
    """Rows of tokens; all arrays have shape (rows, row length), int32 unless said.

    Attributes:
        item: Input item row, `START` at the first token of a history and in the padding.
        event: Input event kind.
        gap: Bucket of the input event's time since the one before it.
        user: User row.
        reset: bool, True where a window (or the padding) begins.
        target: Item row of the next event, 0 where there is none.
        weight: f32, weight of the target; 0 where there is none.
    """

    item: np.ndarray
    event: np.ndarray
    gap: np.ndarray
    user: np.ndarray
    reset: np.ndarray
    target: np.ndarray
    weight: np.ndarray

    def take(self, rows: np.ndarray) -> "PackedRows":
        """Some rows."""
        return PackedRows(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def __len__(self) -> int:
        return len(self.item)


def row_length(lengths: np.ndarray, max_history: int) -> int:
    """Tokens of a row: room for 99% of the histories (and `max_history` at the most), a multiple of 64."""
    if len(lengths) == 0:
        return _ROW_STEP
    wanted = min(int(np.quantile(lengths, 0.99, method="lower")), max_history) + 1
    return _ROW_STEP * -(-wanted // _ROW_STEP)


def gap_buckets(events: Events, *, has_time: bool) -> np.ndarray:
    """int32 bucket of the time since the user's previous event: 1 + floor(log2(1 + seconds)), at most `N_GAPS` - 1.

    0 for a user's first event, and everywhere if the timestamps are an order and not times.
    """
    buckets = np.zeros(len(events), np.int32)
    if has_time and len(events) > 1:
        same = events.user_row[1:] == events.user_row[:-1]
        seconds = np.maximum(np.diff(events.timestamp), 0) / 1000
        buckets[1:] = np.where(same, np.minimum(1 + np.floor(np.log2(1 + seconds)), N_GAPS - 1), 0)
    return buckets


def pack_training(
    events: Events,
    gaps: np.ndarray,
    *,
    weight: np.ndarray,
    length: int,
    first_event: float,
    seed: int,
    epoch: int,
    aim: np.ndarray | None = None,
) -> PackedRows:
    """One epoch's rows, shuffled.

    Args:
        events: Training events, sorted by user and time.
        gaps: From `gap_buckets`.
        weight: f32, the weight of the target in each event's place.
        length: Tokens of a row.
        first_event: Factor on the weight of a user's first event.
        aim: For each event the one that is the target in its place; None: itself.
    """
    rng = np.random.default_rng((seed, epoch))
    starts, sizes = _windows(events.user_row, length, rng)
    row, at, n_rows = _place(sizes, length, rng)
    packed = _fill(
        events, gaps, weight, starts, sizes, row, at, n_rows, length, first_event, aim=aim
    )
    return packed.take(rng.permutation(n_rows))


def pack_histories(
    events: Events, gaps: np.ndarray, users: np.ndarray, n_users: int, *, max_history: int
) -> tuple[PackedRows, np.ndarray, np.ndarray]:
    """The last `max_history` events of each of `users` (in their order), packed for judging.

    Returns:
        The rows, and for each user the row and the position of his last token.
    """
    offsets = events.offsets(n_users)
    stops = offsets[users + 1]
    starts = np.maximum(offsets[users], stops - max_history)
    tokens = stops - starts + 1
    length = _ROW_STEP * -(-int(tokens.max(initial=1)) // _ROW_STEP)
    row, at, n_rows = _place(tokens, length, np.random.default_rng(0))
    nothing = np.zeros(len(events), np.float32)
    packed = _fill(
        events,
        gaps,
        nothing,
        starts,
        tokens,
        row,
        at,
        n_rows,
        length,
        0.0,
        owners=users,
        targets=False,
    )
    return packed, row, at + tokens - 1


def _windows(
    user_row: np.ndarray, length: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Start and number of target events of every window; long histories are cut at a random offset."""
    edges = np.flatnonzero(np.diff(user_row)) + 1
    starts = np.concatenate([[0], edges]).astype(np.int64)[: len(user_row)]
    sizes = np.diff(np.concatenate([starts, [len(user_row)]]))
    long = np.flatnonzero(sizes > length)
    if len(long) == 0:
        return starts, sizes
    out_starts, out_sizes = [np.delete(starts, long)], [np.delete(sizes, long)]
    for start, size, first in zip(
        starts[long], sizes[long], rng.integers(1, length + 1, len(long)), strict=True
    ):
        cuts = np.concatenate([[0], np.arange(first, size, length), [size]])
        out_starts.append(start + cuts[:-1])
        out_sizes.append(np.diff(cuts))
    return np.concatenate(out_starts), np.concatenate(out_sizes)


def _place(
    sizes: np.ndarray, length: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, int]:
    """Row and position of every window, by best fit in decreasing order; equal sizes in random order.

    `open_rows[r]` holds the rows with r free tokens, and bit r of `free` says that there are some, so that
    the tightest row is found by one shift.
    """
    order = np.lexsort((rng.random(len(sizes)), -sizes))
    row, at = np.zeros(len(sizes), np.int64), np.zeros(len(sizes), np.int64)
    open_rows: list[list[int]] = [[] for _ in range(length + 1)]
    free, n_rows = 0, 0
    for window, size in zip(order.tolist(), sizes[order].tolist(), strict=True):
        fitting = free >> size
        if fitting:
            room = size + (fitting & -fitting).bit_length() - 1
            chosen = open_rows[room].pop()
            if not open_rows[room]:
                free &= ~(1 << room)
        else:
            room, chosen = length, n_rows
            n_rows += 1
        row[window], at[window] = chosen, length - room
        if room > size:
            open_rows[room - size].append(chosen)
            free |= 1 << (room - size)
    return row, at, n_rows


def _fill(
    events: Events,
    gaps: np.ndarray,
    weight: np.ndarray,
    starts: np.ndarray,
    sizes: np.ndarray,
    row: np.ndarray,
    at: np.ndarray,
    n_rows: int,
    length: int,
    first_event: float,
    *,
    owners: np.ndarray | None = None,
    targets: bool = True,
    aim: np.ndarray | None = None,
) -> PackedRows:
    """Write the windows to their places: token 0 is the start (or the event before), token j event j - 1."""
    shape = (n_rows, length)
    item = np.full(shape, START, np.int32)
    event, gap, user, target = (np.zeros(shape, np.int32) for _ in range(4))
    reset, out_weight = np.zeros(shape, bool), np.zeros(shape, np.float32)
    owners = events.user_row[starts] if owners is None else owners

    window = np.repeat(np.arange(len(sizes)), sizes)
    j = np.arange(len(window)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    place = (row[window], at[window] + j)
    reset[row, at] = True
    user[place] = owners[window]
    source = starts[window] + j - 1
    begins = starts == 0
    later = np.flatnonzero(~begins)
    begins[later] = events.user_row[starts[later] - 1] != owners[later]
    inner = (j > 0) | ~begins[window]
    inside = (place[0][inner], place[1][inner])
    item[inside] = events.item_row[source[inner]]
    event[inside] = events.event[source[inner]]
    gap[inside] = gaps[source[inner]]
    if targets:
        following = starts[window] + j
        target[place] = events.item_row[following if aim is None else aim[following]]
        out_weight[place] = weight[following]
        out_weight[row, at] *= np.where(begins, first_event, 1)
    used = np.zeros(n_rows, np.int64)
    np.maximum.at(used, row, at + sizes)
    partial = np.flatnonzero(used < length)
    reset[partial, used[partial]] = True
    return PackedRows(item, event, gap, user, reset, target, out_weight)
