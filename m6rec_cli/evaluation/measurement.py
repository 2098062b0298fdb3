"""Ranks and lists of a system to the values of all metrics at all cut-offs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from m6rec_cli.evaluation.metrics._base import METRICS, CatalogueFacts, Display, Ranks
from m6rec_cli.evaluation.results import View
from m6rec_cli.evaluation.task import EvaluationTask


@dataclass(frozen=True)
class MetricValues:
    """Values of all metrics, by names such as `ndcg@10`.

    Attributes:
        columns: Values per user, float64 (n_users,); NaN where a user has none.
        totals: Metrics with one value for all users, such as coverage; NaN if undefined.
    """

    columns: dict[str, np.ndarray]
    totals: dict[str, float]

    def means(self) -> dict[str, float | None]:
        """Mean over the users with a value, or the total; None if there is no value."""
        return {name: mean(column) for name, column in self.columns.items()} | {
            name: None if np.isnan(value) else value for name, value in self.totals.items()
        }


def compute_metrics(
    view: View, task: EvaluationTask, catalogue: CatalogueFacts, ks: list[int]
) -> MetricValues:
    """All metrics at the cut-offs `ks`; a user's value is the mean over their queries."""
    columns, totals = {}, {}
    for name in ordered_metrics():
        metric = METRICS.load(name)
        for k in ks:
            if metric.READS == "ranks":
                columns[f"{name}@{k}"] = task.per_user(metric.at(view.ranks, k))
                continue
            value = metric.at(view.lists, k, catalogue)
            if isinstance(value, np.ndarray):
                columns[f"{name}@{k}"] = task.per_user(value)
            else:
                totals[f"{name}@{k}"] = value
    return MetricValues(columns, totals)


def display(name: str) -> Display:
    """How reports show a metric, named with or without its cut-off."""
    return METRICS.load(name.partition("@")[0]).DISPLAY


def ordered_metrics() -> list[str]:
    """All metrics in the order of reports."""
    return sorted(METRICS.names(), key=lambda name: (display(name).order, name))


def leading_metrics() -> list[str]:
    """The metrics that slices, comparisons and plots show; the first one is the main metric."""
    return [name for name in ordered_metrics() if display(name).leads]


def main_columns() -> list[str]:
    """The metrics of the main table in the order of its columns."""
    columns = {name: display(name).column for name in METRICS.names()}
    return [name for _, name in sorted((c, n) for n, c in columns.items() if c is not None)]


def leading_values(
    ranks: Ranks, task: EvaluationTask, k: int, mask: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Values per user of the leading metrics at cut-off `k`, float64 (n_users,) each.

    Args:
        mask: bool (targets,), the targets that count, by default all; users without any have NaN.
    """
    queries = slice(None)
    if mask is not None:
        queries, ranks = np.unique(ranks.user[mask]), ranks.subset(mask)
    values = {}
    for name in leading_metrics():
        metric = METRICS.load(name)
        assert metric.READS == "ranks", f"`{name}` leads, so it must read ranks"
        value = np.full(task.n_queries, np.nan)
        value[queries] = metric.at(ranks, k)
        values[f"{name}@{k}"] = task.per_user(value)
    return values


def main_cutoff(ks: list[int]) -> int:
    """Cut-off of slices, comparisons and the main table: 10 if `ks` has it, else the largest."""
    return 10 if 10 in ks else max(ks)


def best_value(metric: str, values: Sequence[float | None]) -> float | None:
    """The best of the systems' values; None if the metric has no direction or one value only."""
    known = [value for value in values if value is not None]
    better = display(metric).better
    if len(known) < 2 or better == "neither":
        return None
    return min(known) if better == "lower" else max(known)


def mean(column: np.ndarray) -> float | None:
    """Mean without NaN; None if there is no value."""
    is_value = ~np.isnan(column)
    return float(column[is_value].mean()) if is_value.any() else None


def short_figure(value: float, sign: str = "") -> str:
    """Three decimals without the zero before them: `.021`."""
    text = f"{value:{sign}.3f}".replace("0.", ".", 1)
    return ".000" if text in ("-.000", "+.000") else text
