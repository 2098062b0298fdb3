"""Ranks and lists to columns: one value a user for each metric and cut-off, and the figures of the whole."""

from dataclasses import dataclass

import numpy as np

from m6rec_cli.evaluation.metrics._base import Catalogue, Ranks
from m6rec_cli.evaluation.ranking import View
from m6rec_cli.system import registry

_FIRST = ("ndcg", "recall", "mrr", "hit", "map", "precision")


@dataclass(frozen=True)
class Measures:
    """A view's figures.

    Attributes:
        columns: `ndcg@10` and so on to float64 (n_users,), NaN where a user has no value.
        whole: Figures that no single user has: coverage, Gini.
    """

    columns: dict[str, np.ndarray]
    whole: dict[str, float]

    def means(self) -> dict[str, float | None]:
        """Every figure, the means over the users who have a value; None where nobody has one."""
        return {name: mean(column) for name, column in self.columns.items()} | {
            name: None if np.isnan(value) else value for name, value in self.whole.items()
        }


def measure(view: View, catalogue: Catalogue, ks: list[int]) -> Measures:
    """All metrics of `m6rec_cli/metrics` at the cut-offs `ks`."""
    columns, whole = {}, {}
    for metric in metric_names():
        module = registry.load("evaluation.metrics", metric)
        for k in ks:
            if module.READS == "ranks":
                columns[f"{metric}@{k}"] = module.at(view.ranks, k)
                continue
            value = module.at(view.lists, k, catalogue)
            (whole if isinstance(value, float) else columns)[f"{metric}@{k}"] = value
    return Measures(columns, whole)


def metric_names() -> list[str]:
    """The metrics, the best known first."""
    known = registry.names("evaluation.metrics")
    return [m for m in _FIRST if m in known] + [m for m in known if m not in _FIRST]


def primary(ranks: Ranks, k: int) -> dict[str, np.ndarray]:
    """The two metrics that slices and comparisons show."""
    return {
        f"{m}@{k}": registry.load("evaluation.metrics", m).at(ranks, k) for m in ("ndcg", "recall")
    }


def primary_k(ks: list[int]) -> int:
    """10 if it is among the cut-offs, else the largest."""
    return 10 if 10 in ks else max(ks)


def mean(column: np.ndarray) -> float | None:
    """The mean of the values that are there."""
    there = ~np.isnan(column)
    return float(column[there].mean()) if there.any() else None
