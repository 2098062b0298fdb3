"""What a baseline file defines, and what several baselines share.

Each file of this folder is a baseline: `fit` turns the events before the split into what is known
of the items, which then scores all items after the last event of any history. `READS = "content"`
adds the item content to the arguments of `fit`, and `READS = "content if any"` the content that
there is, which may be none. `RANKS_BY` says in one line what items are ranked by.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
from scipy import sparse

from m6rec_cli.data.spans import range_positions
from m6rec_cli.system.registry import Part


class Scorer(Protocol):
    """Scores every catalogue item for the queries of an `EvaluationTask`."""

    def score(self, queries: np.ndarray, /) -> np.ndarray:
        """Scores, higher is better, float32 (len(queries), n_items), finite."""
        ...


@dataclass(frozen=True)
class Histories:
    """Histories as spans of one log, oldest event first; spans may overlap.

    Attributes:
        item_row: int (events,), the log.
        start: int64 (n,), position of the first event of each history.
        stop: int64 (n,), one more than the position of its last event.
        first: int64, ascending: positions of the events in which their user meets an item for the
            first time, see `Queries.first_events`; None: all events are read, then made distinct.
    """

    item_row: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    first: np.ndarray | None = None

    def latest(self, rows: np.ndarray, n: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The last `n` events of some histories, or all: an index of `rows`, and item rows."""
        start, stop = self.start[rows], self.stop[rows]
        if n is not None:
            start = np.maximum(start, stop - n)
        owner, position = range_positions(start, stop)
        return owner, self.item_row[position]

    def last_item(self, rows: np.ndarray) -> np.ndarray:
        """The last item of some histories, -1 for empty ones; int64 (len(rows),)."""
        out = np.full(len(rows), -1, np.int64)
        full = np.flatnonzero(self.stop[rows] > self.start[rows])
        out[full] = self.item_row[self.stop[rows[full]] - 1]
        return out

    def matrix(self, rows: np.ndarray, n_items: int, dtype: type = np.float32) -> sparse.csr_array:
        """1 where the history has an event with the item, however many; (len(rows), n_items)."""
        owner, items = self._seen_items(rows)
        offsets = np.searchsorted(owner, np.arange(len(rows) + 1))
        parts = (np.ones(len(items), dtype), items.astype(np.int64), offsets)
        seen = sparse.csr_array(parts, (len(rows), n_items))
        seen.sum_duplicates()
        seen.data[:] = 1
        return seen

    def _seen_items(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.first is None:
            return self.latest(rows)
        edges = (np.searchsorted(self.first, edge[rows]) for edge in (self.start, self.stop))
        owner, index = range_positions(*edges)
        return owner, self.item_row[self.first[index]]


@dataclass(frozen=True)
class History:
    """The events that a baseline is fitted on, sorted by user, then time.

    Attributes:
        user_row: int (events,).
        item_row: int (events,).
        offsets: `offsets[u]:offsets[u + 1]` are the events of user `u`; int64 (n_users + 1,).
        label: bool (events,), the events that can be targets; None if all can.
        asks_for_all: Whether several later events of a user are asked for at once, not the next.
    """

    user_row: np.ndarray
    item_row: np.ndarray
    offsets: np.ndarray
    label: np.ndarray | None = None
    asks_for_all: bool = False

    @cached_property
    def per_user(self) -> Histories:
        """The history of each user row."""
        return Histories(self.item_row, self.offsets[:-1], self.offsets[1:])

    def matrix(self, n_items: int, *, dtype: type = np.float32) -> sparse.csr_array:
        """1 where the user has an event with the item, however many; (n_users, n_items)."""
        return self.per_user.matrix(np.arange(len(self.offsets) - 1), n_items, dtype)


class FittedBaseline(Protocol):
    """What a baseline knows of the items; histories are given with each call."""

    def score(self, histories: Histories, rows: np.ndarray) -> np.ndarray:
        """Scores after the last event of some histories, float32 (len(rows), n_items), finite."""
        ...


@dataclass(frozen=True)
class BaselineScorer:
    """A fitted baseline and the histories that it is asked about."""

    fitted: FittedBaseline
    histories: Histories

    def score(self, queries: np.ndarray) -> np.ndarray:
        """See `Scorer.score`."""
        return self.fitted.score(self.histories, queries)


class EventBaseline(Protocol):
    """A baseline that is fitted on events alone."""

    READS: Literal["events"]
    RANKS_BY: str

    def fit(self, history: History, n_users: int, n_items: int) -> FittedBaseline:
        """Fit on all events before the split."""
        ...


@dataclass(frozen=True)
class ItemContent:
    """Item features by which items are compared.

    Attributes:
        term_counts: Per text, set and categorical feature, how often each item has each term,
            (n_items, terms).
        vectors: Per vector feature, f32 (n_items, d); a row of an item without a vector is 0.
    """

    term_counts: Sequence[sparse.csr_array] = ()
    vectors: Sequence[np.ndarray] = ()


NO_CONTENT = ItemContent()


class ContentBaseline(Protocol):
    """A baseline that is fitted on events and item content.

    With `READS = "content"` there are always term counts.
    """

    READS: Literal["content", "content if any"]
    RANKS_BY: str

    def fit(
        self, history: History, n_users: int, n_items: int, content: ItemContent
    ) -> FittedBaseline:
        """Fit on all events before the split and the item content."""
        ...


BASELINES = Part[EventBaseline | ContentBaseline]("evaluation.baselines")


def popularity(history: History, n_items: int) -> np.ndarray:
    """Events per item relative to the most popular item, float32 (n_items,), from 0 to 1."""
    count = np.bincount(history.item_row, minlength=n_items)
    return (count / max(count.max(initial=0), 1)).astype(np.float32)


@dataclass(frozen=True)
class ItemWeights:
    """Scores that sum item-to-item weights over a history.

    Attributes:
        weights: (n_items, n_items), sparse; `weights[i, j]` is what seen item `i` adds to the score
            of `j`.
        tie_breaker: (n_items,), small: orders items that the weights score equally.
    """

    weights: sparse.csr_array
    tie_breaker: np.ndarray

    def score(self, histories: Histories, rows: np.ndarray) -> np.ndarray:
        """See `FittedBaseline.score`."""
        seen = histories.matrix(rows, len(self.tie_breaker))
        scores = sparse.csr_array(seen @ self.weights).toarray()
        scores += self.tie_breaker
        return scores
