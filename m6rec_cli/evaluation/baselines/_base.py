"""What a baseline file defines, and what several baselines share.

Each file of this folder is a baseline: `fit` turns the events before the split into a scorer, which
scores all items for a user after their last event. `READS = "content"` adds the item content to the
arguments of `fit`, and `READS = "content if any"` the content that there is, which may be none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
from scipy import sparse

from m6rec_cli.data.spans import span_positions
from m6rec_cli.system.registry import Part


class Scorer(Protocol):
    """Scores every catalogue item for a user."""

    def score(self, user_rows: np.ndarray) -> np.ndarray:
        """Scores, higher is better, float32 (len(user_rows), n_items), finite."""
        ...


@dataclass(frozen=True)
class History:
    """All users' events as integer arrays, sorted by user, then time.

    Attributes:
        user_row: int (events,).
        item_row: int (events,).
        offsets: `offsets[u]:offsets[u + 1]` are the events of user `u`; int64 (n_users + 1,).
        label: bool (events,), the events that can be targets; None if all can.
    """

    user_row: np.ndarray
    item_row: np.ndarray
    offsets: np.ndarray
    label: np.ndarray | None = None

    @cached_property
    def last_item(self) -> np.ndarray:
        """Each user's last item, -1 for users without events; int64 (n_users,)."""
        ends = self.offsets[1:]
        has_events = ends > self.offsets[:-1]
        last = self.item_row[np.maximum(ends - 1, 0)] if len(self.item_row) else 0
        # Callers compute codes of item pairs from it, which overflow 32 bits.
        return np.where(has_events, last, -1).astype(np.int64)

    def latest(self, user_rows: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
        """The last `n` events of each user in their order: an index of `user_rows`, item rows."""
        owner, index = span_positions(self.offsets, user_rows)
        is_last = self.offsets[user_rows + 1][owner] - index <= n
        return owner[is_last], self.item_row[index[is_last]]

    def matrix(self, n_items: int, *, dtype: type = np.float32) -> sparse.csr_array:
        """1 where the user has an event with the item, however many; (n_users, n_items)."""
        shape = (len(self.offsets) - 1, n_items)
        ones = np.ones(len(self.item_row), dtype)
        # Copies: `sum_duplicates` overwrites the arrays that the matrix is built from.
        parts = (ones, self.item_row.astype(np.int64), self.offsets.copy())
        seen = sparse.csr_array(parts, shape)
        seen.sum_duplicates()
        seen.data[:] = 1
        return seen


class EventBaseline(Protocol):
    """A baseline that is fitted on events alone."""

    READS: Literal["events"]

    def fit(self, history: History, n_users: int, n_items: int) -> Scorer:
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

    def fit(self, history: History, n_users: int, n_items: int, content: ItemContent) -> Scorer:
        """Fit on all events before the split and the item content."""
        ...


BASELINES = Part[EventBaseline | ContentBaseline]("evaluation.baselines")


def popularity(history: History, n_items: int) -> np.ndarray:
    """Events per item relative to the most popular item, float32 (n_items,), from 0 to 1."""
    count = np.bincount(history.item_row, minlength=n_items)
    return (count / max(count.max(initial=0), 1)).astype(np.float32)


@dataclass(frozen=True)
class ItemWeights:
    """Scores that sum item-to-item weights over a user's history.

    Attributes:
        history: (n_users, n_items).
        weights: (n_items, n_items), sparse or dense; `weights[i, j]` is what seen item `i` adds to
            the score of `j`.
        tie_breaker: (n_items,), small: orders items that the weights score equally.
    """

    history: sparse.csr_array
    weights: sparse.csr_array | np.ndarray
    tie_breaker: np.ndarray

    def score(self, user_rows: np.ndarray) -> np.ndarray:
        """See `Scorer.score`."""
        scores = self.history[user_rows] @ self.weights
        dense = scores.toarray() if sparse.issparse(scores) else np.asarray(scores)
        dense += self.tie_breaker
        return dense
