"""What metrics read: the ranks of the true items, the lists that were shown, the catalogue they come from.

A metric is a file of this folder with one function `at`. `READS = "ranks"` metrics take the places of the true
items and give one value a user; `READS = "lists"` metrics take the lists themselves and give one value a
user, or one number where only the whole has a meaning (coverage, Gini).

The rule for users without a true item: they have no value, which is NaN, and means leave them out.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

MISS = np.int64(2**62)
"""The rank of a true item that is nowhere in the list."""


@dataclass(frozen=True)
class Ranks:
    """Where each user's true items stand.

    Attributes:
        rank: int64 (truths,), counted from 0; `MISS` if the list does not have the item.
        user: int64 (truths,), whose true item it is: 0 to n_users - 1.
        n_users: Users that are judged.
    """

    rank: np.ndarray
    user: np.ndarray
    n_users: int

    @cached_property
    def truths(self) -> np.ndarray:
        """True items a user, int64 (n_users,)."""
        return np.bincount(self.user, minlength=self.n_users)

    def total(self, value: np.ndarray) -> np.ndarray:
        """Sum of `value` (truths,) for each user, float64 (n_users,)."""
        return np.bincount(self.user, value, minlength=self.n_users)

    def keep(self, truths: np.ndarray) -> "Ranks":
        """The ranks of a part of the true items, for the users who have one of them.

        Args:
            truths: bool (truths,).
        """
        users, user = np.unique(self.user[truths], return_inverse=True)
        return Ranks(self.rank[truths], user, len(users))


def ratio(value: np.ndarray, by: np.ndarray | float) -> np.ndarray:
    """`value / by`, NaN where `by` is 0."""
    by = np.broadcast_to(np.asarray(by, np.float64), value.shape)
    return np.divide(value, by, out=np.full(value.shape, np.nan), where=by != 0)


@dataclass(frozen=True)
class Lists:
    """The lists that were shown.

    Attributes:
        items: int32 (n_users, length), best first; -1 where there is no item of the catalogue.
    """

    items: np.ndarray

    def top(self, k: int) -> np.ndarray:
        """The first `k` places, int32 (n_users, at most k)."""
        return self.items[:, :k]

    def matrix(self, k: int, n_items: int) -> sparse.csr_array:
        """1 where the user's first `k` places have the item, float64 (n_users, n_items)."""
        top = self.top(k)
        there = top >= 0
        begins = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
        return sparse.csr_array((np.ones(begins[-1]), top[there], begins), (len(top), n_items))


@dataclass(frozen=True)
class Catalogue:
    """What list metrics know of items and of the judged users' histories.

    Attributes:
        popularity: int64 (n_items,), training events.
        vectors: (n_items, components), rows of length 1 or 0: what diversity compares items by.
        groups: (n_items, n_groups), non-negative, rows that sum to 1 or 0: what calibration counts.
        history: (n_users, n_items), how many times each judged user has met the item before.
    """

    popularity: np.ndarray
    vectors: sparse.csr_array
    groups: sparse.csr_array
    history: sparse.csr_array

    @property
    def n_items(self) -> int:
        """Items of the catalogue, those without events included."""
        return len(self.popularity)

    @cached_property
    def history_groups(self) -> sparse.csr_array:
        """How each judged user's history is divided among the groups; rows that sum to 1 or 0."""
        return share_rows(self.history @ self.groups)

    @cached_property
    def squares(self) -> np.ndarray:
        """The squared length of each item's vector, float64 (n_items,)."""
        return np.asarray(self.vectors.multiply(self.vectors).sum(axis=1)).ravel()


def unit_rows(matrix: sparse.csr_array) -> sparse.csr_array:
    """Rows scaled to length 1; empty rows stay empty."""
    norm = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    scale = np.divide(1.0, norm, out=np.zeros_like(norm), where=norm > 0)
    return sparse.csr_array(sparse.diags_array(scale) @ matrix)


def share_rows(matrix: sparse.csr_array) -> sparse.csr_array:
    """Rows scaled to a sum of 1; empty rows stay empty."""
    total = np.asarray(matrix.sum(axis=1), np.float64).ravel()
    scale = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    return sparse.csr_array(sparse.diags_array(scale) @ matrix)
