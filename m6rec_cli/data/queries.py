"""Users at given times: each query asks for one ranked list after the events that it knows of."""

from dataclasses import dataclass

import numpy as np

from m6rec_cli.data.events import Events


@dataclass(frozen=True, kw_only=True)
class Queries:
    """The history of query q is `events[start[q]:stop[q]]`; histories of a user may overlap.

    Attributes:
        events: The log, sorted by user and time; it may hold events that no query knows of.
        user_row: int64 (n_queries,), sorted.
        start: int64 (n_queries,), position of the user's first event.
        stop: int64 (n_queries,), one more than the position of the last known event.
    """

    events: Events
    user_row: np.ndarray
    start: np.ndarray
    stop: np.ndarray

    @classmethod
    def of_users(cls, events: Events, user_row: np.ndarray, n_users: int) -> "Queries":
        """One query per user, after all their events."""
        offsets = events.offsets(n_users)
        start, stop = offsets[user_row], offsets[user_row + 1]
        return cls(events=events, user_row=user_row, start=start, stop=stop)

    def __len__(self) -> int:
        return len(self.user_row)
