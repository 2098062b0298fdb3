"""Histories to packed rows of tokens for the decoder, with almost no padding.

The inputs of a history of n events are a start token and its first n - 1 events; all n events are
targets. A history longer than a row is cut into windows at an offset that changes with the epoch. A
window inside a history starts with the event before it instead of the start token.
"""

from dataclasses import dataclass, fields

import numpy as np

from m6rec_cli.data.best_fit import place_windows
from m6rec_cli.data.events import Events
from m6rec_cli.data.queries import Queries
from m6rec_cli.data.spans import user_spans
from m6rec_cli.system.tokens import N_GAPS, START, START_LONG

_LENGTH_STEP = 64


@dataclass(frozen=True, kw_only=True)
class PackedRows:
    """Rows of tokens; all arrays have shape (rows, row length), int32 unless noted.

    Attributes:
        item: Input item row; `START` or `START_LONG` at the first token of a history, `START` in
            the padding.
        event: Input event kind.
        gap: Bucket of the time between the input event and the one before it.
        user: User row.
        reset: bool, True where a window or the padding starts.
        target: Item row of the next event; 0 where there is none.
        weight: f32, weight of the target; 0 where there is none.
    """

    item: np.ndarray
    event: np.ndarray
    gap: np.ndarray
    user: np.ndarray
    reset: np.ndarray
    target: np.ndarray
    weight: np.ndarray

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def take(self, rows: np.ndarray) -> "PackedRows":
        """Some rows."""
        return PackedRows(**{name: array[rows] for name, array in self.arrays().items()})

    def __len__(self) -> int:
        return len(self.item)


@dataclass(frozen=True, kw_only=True)
class _Windows:
    """Windows of histories and the place of each in the packed rows; arrays int64 (windows,).

    Attributes:
        start: Position in the log of the first target. The first input is the event before it, if
            the window is inside a history.
        size: Tokens.
        user: User row.
        row: Packed row.
        at: Position of the first token in the row.
        shape: Number and length of the packed rows.
    """

    start: np.ndarray
    size: np.ndarray
    user: np.ndarray
    row: np.ndarray
    at: np.ndarray
    shape: tuple[int, int]

    def tokens(self) -> tuple[np.ndarray, np.ndarray]:
        """Window of every token, and the token's position in its window."""
        window = np.repeat(np.arange(len(self.size)), self.size)
        return window, np.arange(len(window)) - np.repeat(
            np.cumsum(self.size) - self.size, self.size
        )

    def start_histories(self, events: Events) -> np.ndarray:
        """Whether each window starts at the user's first event, bool (windows,)."""
        first = self.start == 0
        later = np.flatnonzero(~first)
        first[later] = events.user_row[self.start[later] - 1] != self.user[later]
        return first


def row_length(lengths: np.ndarray, max_history: int) -> int:
    """Tokens per row: enough for 99% of the histories cut to `max_history`, a multiple of 64."""
    if len(lengths) == 0:
        return _LENGTH_STEP
    wanted = min(int(np.quantile(lengths, 0.99, method="lower")), max_history) + 1
    return _LENGTH_STEP * -(-wanted // _LENGTH_STEP)


def gap_buckets(events: Events, *, has_time: bool) -> np.ndarray:
    """Bucket of the time since the user's previous event, int32, below `N_GAPS`.

    1 + floor(log2(1 + seconds)); 0 for a user's first event, and everywhere if the timestamps are
    just an order.
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
    rng: np.random.Generator,
    target_index: np.ndarray | None = None,
    long_users: np.ndarray | None = None,
) -> PackedRows:
    """Pack training events; the rows are shuffled.

    Args:
        events: Training events, sorted by user and time.
        gaps: From `gap_buckets`.
        weight: f32, the weight of the target at the position of each event.
        length: Tokens per row.
        first_event: Factor for the weight of a user's first event.
        rng: Decides where long histories are cut and what row each window is in.
        target_index: Position of the event that is the target in place of each; None keeps all.
        long_users: bool by user row, histories that start with `START_LONG`; None for none.
    """
    start, size = _cut(events.user_row, length, rng)
    row, at, n_rows = place_windows(size, length, rng)
    windows = _Windows(
        start=start, size=size, user=events.user_row[start], row=row, at=at, shape=(n_rows, length)
    )
    packed = _fill_inputs(events, gaps, windows)
    window, j = windows.tokens()
    place = (row[window], at[window] + j)
    source = start[window] + j
    packed.target[place] = events.item_row[source if target_index is None else target_index[source]]
    packed.weight[place] = weight[source]
    starts = windows.start_histories(events)
    packed.weight[row, at] *= np.where(starts, first_event, 1)
    if long_users is not None:
        starts &= long_users[windows.user]
        packed.item[row[starts], at[starts]] = START_LONG
    return packed.take(rng.permutation(n_rows))


def pack_histories(
    events: Events, gaps: np.ndarray, users: np.ndarray, n_users: int, *, max_history: int
) -> tuple[PackedRows, np.ndarray, np.ndarray]:
    """Pack the last `max_history` events of each of `users`, see `pack_queries`."""
    return pack_queries(Queries.of_users(events, users, n_users), gaps, max_history=max_history)


def pack_queries(
    queries: Queries, gaps: np.ndarray, *, max_history: int, start_token: int = START
) -> tuple[PackedRows, np.ndarray, np.ndarray]:
    """Pack the last `max_history` events of each query, without targets.

    The decoder is causal, so queries of a user whose histories fit share the tokens of the longest.

    Args:
        gaps: From `gap_buckets` over `queries.events`.
        start_token: `START`, or `START_LONG` to ask for the long run.

    Returns:
        The rows; and for each query the row and the position of its last token.
    """
    n = np.arange(len(queries))
    fits = queries.stop - queries.start <= max_history
    shared_by = np.where(fits, queries.user_row, -1 - n)
    order = np.lexsort((queries.stop, shared_by))
    is_longest = np.append(np.diff(shared_by[order]) != 0, True)[: len(n)]
    window = np.empty(len(n), np.int64)
    window[order] = np.cumsum(is_longest) - is_longest
    longest = np.sort(order[is_longest])
    window = np.searchsorted(longest, order[is_longest])[window]
    stop, users = queries.stop[longest], queries.user_row[longest]
    start = np.maximum(queries.start[longest], stop - max_history)
    size = stop - start + 1
    length = _LENGTH_STEP * -(-int(size.max(initial=1)) // _LENGTH_STEP)
    row, at, n_rows = place_windows(size, length, np.random.default_rng(0))
    windows = _Windows(start=start, size=size, user=users, row=row, at=at, shape=(n_rows, length))
    position = (at + size - 1)[window] - (stop[window] - queries.stop)
    packed = _fill_inputs(queries.events, gaps, windows)
    starts = windows.start_histories(queries.events)
    packed.item[row[starts], at[starts]] = start_token
    return packed, row[window], position


def _cut(
    user_row: np.ndarray, length: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Start and size of every window; histories longer than a row are cut at a random offset."""
    starts, sizes = user_spans(user_row)
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


def _fill_inputs(events: Events, gaps: np.ndarray, windows: _Windows) -> PackedRows:
    """Write the input tokens of all windows; targets and weights stay 0.

    Token j > 0 of a window is event `start + j - 1`. Token 0 is the event before the window, or the
    start token.
    """
    shape, row, at = windows.shape, windows.row, windows.at
    event, gap, user, target = (np.zeros(shape, np.int32) for _ in range(4))
    packed = PackedRows(
        item=np.full(shape, START, np.int32),
        event=event,
        gap=gap,
        user=user,
        reset=np.zeros(shape, bool),
        target=target,
        weight=np.zeros(shape, np.float32),
    )
    window, j = windows.tokens()
    place = (row[window], at[window] + j)
    packed.reset[row, at] = True
    packed.user[place] = windows.user[window]
    is_event = (j > 0) | ~windows.start_histories(events)[window]
    inside = (place[0][is_event], place[1][is_event])
    source = (windows.start[window] + j - 1)[is_event]
    packed.item[inside] = events.item_row[source]
    packed.event[inside] = events.event[source]
    packed.gap[inside] = gaps[source]
    used = np.zeros(shape[0], np.int64)
    np.maximum.at(used, row, at + windows.size)
    partial = np.flatnonzero(used < shape[1])
    packed.reset[partial, used[partial]] = True  # the padding does not continue a history
    return packed
