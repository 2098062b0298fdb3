"""What every recommender that is judged looks like, and what baselines share.

A baseline is a file of this folder with `fit(history, n_users, n_items) -> Scorer`. The history is all that
it may know: it is fitted on it and it scores each user after the last of the user's events. A file says
`READS = "events"` or, if its `fit` also takes what the items are made of (`judging/content.py`), `"content"`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy import sparse


class Scorer(Protocol):
    """Anything that gives every item of the catalogue a score for a user."""

    def score(self, user_rows: np.ndarray) -> np.ndarray:
        """Scores, higher is better, float32 (len(user_rows), n_items), finite."""
        ...


@dataclass(frozen=True)
class History:
    """Events as integer arrays, sorted by user, then time.

    Attributes:
        user_row: int (events,).
        item_row: int (events,).
        offsets: `offsets[u]:offsets[u + 1]` are the events of user `u`; int64 (n_users + 1,).
    """

    user_row: np.ndarray
    item_row: np.ndarray
    offsets: np.ndarray

    @cached_property
    def last_item(self) -> np.ndarray:
        """Each user's last item, -1 for users without events; int64 (n_users,)."""
        ends = self.offsets[1:]
        some = ends > self.offsets[:-1]
        last = self.item_row[np.maximum(ends - 1, 0)] if len(self.item_row) else 0
        # Codes of pairs of items are made of it, which 32 bits do not hold.
        return np.where(some, last, -1).astype(np.int64)

    def matrix(self, n_items: int, *, dtype: type = np.float32) -> sparse.csr_array:
        """1 where the user has met the item, however often; (n_users, n_items)."""
        shape = (len(self.offsets) - 1, n_items)
        ones = np.ones(len(self.item_row), dtype)
        # Copies: merging duplicates below rewrites the arrays that the matrix was made of.
        parts = (ones, self.item_row.astype(np.int64), self.offsets.copy())
        met = sparse.csr_array(parts, shape)
        met.sum_duplicates()
        met.data[:] = 1
        return met


def popularity(history: History, n_items: int) -> np.ndarray:
    """Events of each item as a share of the most popular item's, float32 (n_items,), from 0 to 1."""
    count = np.bincount(history.item_row, minlength=n_items)
    return (count / max(count.max(initial=0), 1)).astype(np.float32)


@dataclass(frozen=True)
class ItemWeights:
    """Scores that are sums of item-to-item weights over a user's history.

    Attributes:
        history: (n_users, n_items).
        weights: (n_items, n_items), sparse or dense; `weights[i, j]` is what having met `i` says for `j`.
        backoff: (n_items,), small: it orders the items that the weights leave equal.
    """

    history: sparse.csr_array
    weights: sparse.csr_array | np.ndarray
    backoff: np.ndarray

    def score(self, user_rows: np.ndarray) -> np.ndarray:
        """See `Scorer.score`."""
        scores = self.history[user_rows] @ self.weights
        dense = scores.toarray() if sparse.issparse(scores) else np.asarray(scores)
        dense += self.backoff
        return dense
