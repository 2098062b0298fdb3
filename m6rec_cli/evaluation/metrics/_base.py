"""Input types of the metrics, and what a metric file defines.

Each file of this folder is a metric. It defines `READS`, `DISPLAY` and the function `at`:

- `READS = "ranks"`: `at(ranks, k)` returns one value per user.
- `READS = "lists"`: `at(lists, k, catalogue)` returns one value per user, or one number for the
  whole system (coverage, Gini).

A tie counts as the mean over its ranks: exactly in NDCG, recall and precision, and in the others
for users with one target. A target is an item that the user has a held-out, labelled event with. A
user without a value has NaN; means leave them out. With `--protocol rolling` there is a list per
held-out event: "user" then means the user at that time, and `EvaluationTask.per_user` averages.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
from scipy import sparse

from m6rec_cli.system.registry import Part

MISS = np.int64(2**62)
"""Rank of a target that the list does not contain."""


@dataclass(frozen=True)
class Ranks:
    """Rank of every target.

    Attributes:
        rank: int64 (targets,), from 0; `MISS` if the list does not contain the item. The best of
            its tie.
        user: int64 (targets,), the item's user: 0 to n_users - 1.
        n_users: Evaluated users.
        ties: int64 (targets,), items with the same score, the target included: its rank is any of
            `rank` to `rank + ties - 1`. None: no ties.
    """

    rank: np.ndarray
    user: np.ndarray
    n_users: int
    ties: np.ndarray | None = None

    @cached_property
    def n_targets(self) -> np.ndarray:
        """Held-out items per user, int64 (n_users,)."""
        return np.bincount(self.user, minlength=self.n_users)

    def sum_per_user(self, value: np.ndarray) -> np.ndarray:
        """Sum `value` (targets,) per user, float64 (n_users,)."""
        return np.bincount(self.user, value, minlength=self.n_users)

    def expected_gain(self, gain: np.ndarray) -> np.ndarray:
        """Mean gain of each target over the ranks of its tie, float64 (targets,).

        Args:
            gain: (k,), the gain of the ranks from 0; all later ranks have none.
        """
        total = np.concatenate([[0.0], np.cumsum(gain)])
        k = len(gain)
        first = np.minimum(self.rank, k)
        if self.ties is None:
            return np.append(gain, 0.0)[first]
        # The difference of two sums would not be exact for a single rank.
        mean = (total[np.minimum(first + self.ties, k)] - total[first]) / self.ties
        return np.where(self.ties > 1, mean, np.append(gain, 0.0)[first])

    def subset(self, mask: np.ndarray) -> "Ranks":
        """Keep some targets and only their users, renumbered from 0.

        Args:
            mask: bool (targets,).
        """
        users, user = np.unique(self.user[mask], return_inverse=True)
        ties = None if self.ties is None else self.ties[mask]
        return Ranks(self.rank[mask], user, len(users), ties)


@dataclass(frozen=True)
class RankedLists:
    """One ranked list per user.

    Attributes:
        items: int32 (n_users, length), best first; -1 where there is no catalogue item.
    """

    items: np.ndarray

    def top(self, k: int) -> np.ndarray:
        """The first `k` items of each list, int32 (n_users, at most k)."""
        return self.items[:, :k]

    def matrix(self, k: int, n_items: int) -> sparse.csr_array:
        """1 where the user's first `k` items include the item, float64 (n_users, n_items)."""
        top = self.top(k)
        is_item = top >= 0
        offsets = np.concatenate([[0], np.cumsum(is_item.sum(axis=1))])
        return sparse.csr_array((np.ones(offsets[-1]), top[is_item], offsets), (len(top), n_items))


@dataclass(frozen=True)
class CatalogueFacts:
    """Item data, and what list metrics need of the history that each list follows.

    Attributes:
        popularity: int64 (n_items,), training events.
        vectors: (n_items, components), rows of length 1 or 0: diversity compares these.
        groups: (n_items, n_groups), non-negative, rows sum to 1 or 0: calibration counts these.
        history_groups: Distribution of each history over the groups, rows sum to 1 or 0.
        history_percentile: float64 (n_users,), mean popularity percentile of each history's events;
            NaN for an empty history.
    """

    popularity: np.ndarray
    vectors: sparse.csr_array
    groups: sparse.csr_array
    history_groups: sparse.csr_array
    history_percentile: np.ndarray

    @classmethod
    def with_histories(
        cls,
        popularity: np.ndarray,
        vectors: sparse.csr_array,
        groups: sparse.csr_array,
        counts: sparse.csr_array,
        continues: np.ndarray | None = None,
    ) -> "CatalogueFacts":
        """Item data with what histories hold.

        Args:
            counts: Events of each history with each item, (n_users, n_items).
            continues: bool (n_users,), True where the history is that of the row before and then
                the events of `counts`; None: nowhere.
        """
        of_groups = sparse.csr_array(counts @ groups).toarray().astype(np.float64)
        total = np.asarray(counts.sum(axis=1), np.float64).ravel()
        of_percentile = np.asarray(counts @ popularity_percentiles(popularity))
        if continues is not None and continues.any():
            of_groups, total, of_percentile = (
                running_sums(x, continues) for x in (of_groups, total, of_percentile)
            )
        return cls(
            popularity,
            vectors,
            groups,
            scale_rows_to_sum_1(sparse.csr_array(of_groups)),
            ratio(of_percentile, total),
        )

    @property
    def n_items(self) -> int:
        """Items of the catalogue, cold ones included."""
        return len(self.popularity)

    @cached_property
    def squared_lengths(self) -> np.ndarray:
        """Squared length of each item's vector, float64 (n_items,)."""
        return np.asarray(self.vectors.multiply(self.vectors).sum(axis=1)).ravel()


@dataclass(frozen=True, kw_only=True)
class Display:
    """How reports show a metric.

    Attributes:
        title: Its name in plots and captions.
        meaning: What a value says, in one line.
        better: Which value is better; `neither` if no direction is, so no system is marked best.
        leads: Slices, comparisons and plots show it. Only metrics of ranks can lead.
        order: Position in the table of all metrics; equal positions are sorted by name.
        column: Position of its column in the main table; None if it has no column there.
        spec: Format specification of its values on the HTML page.
    """

    title: str
    meaning: str
    better: Literal["higher", "lower", "neither"]
    leads: bool = False
    order: int = 100
    column: int | None = None
    spec: str = ".4f"


class RankMetric(Protocol):
    """A metric of the targets' ranks."""

    READS: Literal["ranks"]
    DISPLAY: Display

    def at(self, ranks: Ranks, k: int) -> np.ndarray:
        """One value per user at cut-off `k`, float64 (n_users,); NaN without targets."""
        ...


class ListMetric(Protocol):
    """A metric of the ranked lists."""

    READS: Literal["lists"]
    DISPLAY: Display

    def at(self, lists: RankedLists, k: int, catalogue: CatalogueFacts) -> np.ndarray | float:
        """One value per user at cut-off `k`, float64 (n_users,), or one for all users."""
        ...


Metric = RankMetric | ListMetric

METRICS = Part[Metric]("evaluation.metrics")


def ratio(value: np.ndarray, by: np.ndarray | float) -> np.ndarray:
    """`value / by`, NaN where `by` is 0."""
    by = np.broadcast_to(np.asarray(by, np.float64), value.shape)
    return np.divide(value, by, out=np.full(value.shape, np.nan), where=by != 0)


def running_sums(values: np.ndarray, continues: np.ndarray) -> np.ndarray:
    """Sums over the rows of each run so far, float64; a run starts where `continues` is False."""
    sums = np.cumsum(values, axis=0)
    starts = np.flatnonzero(~continues)
    before = np.concatenate([np.zeros_like(sums[:1]), sums])[starts]
    return sums - np.repeat(before, np.diff(starts, append=len(sums)), axis=0)


def popularity_percentiles(popularity: np.ndarray) -> np.ndarray:
    """Popularity percentile of each item, float64 (n_items,), from 0 to 1.

    The share of training events of less popular items, plus half the share of equally popular ones;
    over events it averages 0.5.
    """
    values, group = np.unique(popularity, return_inverse=True)
    events = np.bincount(group, popularity, minlength=len(values))
    return ((np.cumsum(events) - events / 2) / max(events.sum(), 1))[group]


def scale_rows_to_length_1(matrix: sparse.csr_array) -> sparse.csr_array:
    """Scale each row to length 1; empty rows stay empty."""
    norm = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    scale = np.divide(1.0, norm, out=np.zeros_like(norm), where=norm > 0)
    return sparse.csr_array(sparse.diags_array(scale) @ matrix)


def scale_rows_to_sum_1(matrix: sparse.csr_array) -> sparse.csr_array:
    """Scale each row to sum 1; empty rows stay empty."""
    total = np.asarray(matrix.sum(axis=1), np.float64).ravel()
    scale = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    return sparse.csr_array(sparse.diags_array(scale) @ matrix)
