"""An event log that is read in ranges: from arrays in memory, or from files of columns."""

import itertools
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from m6rec_cli.data.events import EVENT_TYPES, Events

_FIRST_LOOK = 1024
"""Events in which the end of a history is looked for first."""


class EventLog(Protocol):
    """Events sorted by user, then time: `Events` in memory, or `StoredEvents` on disk."""

    def __len__(self) -> int: ...

    def read(self, start: int, stop: int, *names: str) -> tuple[np.ndarray, ...]:
        """Columns of the events `start:stop`, arrays in memory."""
        ...


def history_bounds(log: EventLog, size: int) -> np.ndarray:
    """Positions that divide a log into chunks of whole histories, of `size` events or more.

    Returns:
        int64 (chunks + 1,): chunk c is `bounds[c]:bounds[c + 1]`. Only the last chunk may be
        smaller than `size`, and each ends with the first history that makes it large enough.
    """
    bounds = [0]
    while bounds[-1] < len(log):
        bounds.append(_history_end(log, min(bounds[-1] + size, len(log)) - 1))
    return np.array(bounds, np.int64)


def read_events(log: EventLog, bounds: np.ndarray, chunks: np.ndarray) -> Events:
    """The events of some chunks, one chunk after the other.

    Args:
        bounds: From `history_bounds`.
        chunks: Ascending; neighbours are read in one go.
    """
    first = np.append(True, np.diff(chunks) > 1)
    last = np.append(first[1:], True)
    starts, stops = bounds[chunks[first]], bounds[chunks[last] + 1]
    ranges = zip(starts.tolist(), stops.tolist(), strict=True)
    return Events.concatenate([_read_range(log, start, stop) for start, stop in ranges])


def iterate_events(log: EventLog, size: int) -> Iterator[Events]:
    """All events in order, in chunks of whole histories, see `history_bounds`."""
    bounds = history_bounds(log, size).tolist()
    for start, stop in itertools.pairwise(bounds):
        yield _read_range(log, start, stop)


def _history_end(log: EventLog, at: int) -> int:
    """One more than the position of the last event of the history that holds the event `at`."""
    stop = at
    while True:
        stop = min(at + 2 * (stop - at) + _FIRST_LOOK, len(log))
        (users,) = log.read(at, stop, "user_row")
        if stop == len(log) or users[-1] != users[0]:
            return at + int(np.searchsorted(users, users[0], side="right"))


def _read_range(log: EventLog, start: int, stop: int) -> Events:
    return Events(**dict(zip(EVENT_TYPES, log.read(start, stop, *EVENT_TYPES), strict=True)))
