"""Users at given times: each query asks for one ranked list after the events that it knows of.

The held-out events of a split give queries in two ways: `later_events` and `next_events`.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from m6rec_cli.data.events import Events
from m6rec_cli.data.format import SPLITS
from m6rec_cli.data.spans import contains, range_positions
from m6rec_cli.data.store import Dataset


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

    @cached_property
    def first_events(self) -> np.ndarray:
        """Positions of each user's first event with each of their items, ascending, int64.

        Many queries may share one long history: those of its events that repeat an item are read
        once, not once per query.
        """
        users, items = self.events.user_row.astype(np.int64), self.events.item_row
        keys = users * (1 + int(items.max(initial=0))) + items
        return np.sort(np.unique(keys, return_index=True)[1])

    def seen_items(self, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The distinct items of some histories: an index of `queries`, ascending, and item rows."""
        start, stop = (
            np.searchsorted(self.first_events, edge[queries]) for edge in (self.start, self.stop)
        )
        owner, index = range_positions(start, stop)
        return owner, self.events.item_row[self.first_events[index]]

    def has_seen(self, query: np.ndarray, item_row: np.ndarray) -> np.ndarray:
        """Whether the history of each query holds the item beside it, bool."""
        first, events = self.first_events, self.events
        n_items = 1 + max(events.item_row.max(initial=0), item_row.max(initial=0))
        known = events.user_row[first].astype(np.int64) * n_items + events.item_row[first]
        order = np.argsort(known)
        keys = self.user_row[query].astype(np.int64) * n_items + item_row
        found = contains(known[order], keys)
        out = np.zeros(len(keys), bool)
        at = order[np.searchsorted(known[order], keys[found])]
        out[found] = first[at] < self.stop[query[found]]
        return out


@dataclass(frozen=True)
class HeldOut:
    """Queries and their targets.

    Attributes:
        query: int64 (targets,), sorted indices of the queries; each query has a target.
        item: int64 (targets,), item rows; distinct and sorted per query.
    """

    queries: Queries
    query: np.ndarray
    item: np.ndarray


def later_events(data: Dataset, split: str, users: np.ndarray) -> HeldOut:
    """One query per user before a split, with all their held-out items as targets.

    Args:
        users: Sorted rows of users with targets.
    """
    truth = data.truth(split)
    keys = np.unique(truth.user_row.astype(np.int64) * data.n_items + truth.item_row)
    keys = keys[contains(users, keys // data.n_items)]
    queries = Queries.of_users(data.history(split), users, data.n_users)
    return HeldOut(queries, np.searchsorted(users, keys // data.n_items), keys % data.n_items)


def next_events(data: Dataset, split: str, users: np.ndarray, most: int = 0) -> HeldOut:
    """One query per held-out event, its target, after all earlier events of the user.

    Args:
        users: Sorted rows of users with targets.
        most: Take so many events, evenly over the log; 0 takes all.
    """
    code = SPLITS.index(split)
    log = data.events.take(data.events.split <= code)
    is_target = (log.split == code) & log.label & contains(users, log.user_row.astype(np.int64))
    position = np.flatnonzero(is_target)
    if 0 < most < len(position):
        position = position[np.linspace(0, len(position) - 1, most).astype(np.int64)]
    user_row = log.user_row[position].astype(np.int64)
    queries = Queries(
        events=log, user_row=user_row, start=log.offsets(data.n_users)[user_row], stop=position
    )
    return HeldOut(queries, np.arange(len(position)), log.item_row[position].astype(np.int64))
