"""The summary of an evaluation to the rows of the page's tables."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from m6rec_cli.evaluation.measurement import best_value, display, main_columns, main_cutoff
from m6rec_cli.evaluation.report.labels import Labels
from m6rec_cli.evaluation.report.seed_spread import Spread
from m6rec_cli.evaluation.report.summary import EvaluationSummary
from m6rec_cli.evaluation.results import ViewName


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A figure of a table.

    Attributes:
        text: The formatted value; a dash if there is none.
        spread: Its standard deviation over seeds, formatted.
        interval: Both ends of its interval, formatted.
        best: Whether it is the best value of its metric.
    """

    text: str
    spread: str | None = None
    interval: tuple[str, str] | None = None
    best: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of a table: what it is of, the class that colours it, its figures."""

    name: str
    full: str = ""
    css: str = ""
    cells: Sequence[Cell]


@dataclass(frozen=True, kw_only=True)
class PairedRow:
    """A paired test of a metric."""

    pair: str
    metric: str
    cells: Sequence[Cell]
    p: str
    better: str


def columns(summary: EvaluationSummary) -> list[str]:
    """The metrics of the main table."""
    return [f"{name}@{main_cutoff(summary.ks)}" for name in main_columns()]


def main_rows(summary: EvaluationSummary, labels: Labels) -> list[Row]:
    """One row per system: the main metrics, and the first one in the other view."""
    names, main = columns(summary), summary.main_metric
    best = {
        name: best_value(name, [s.view(summary.headline)[name] for s in summary.systems.values()])
        for name in names
    }
    rows = []
    for name, system in summary.systems.items():
        figures = system.view(summary.headline)
        cells = [
            cell(column, figures[column], system.intervals.get(column), best=best[column])
            for column in names
        ]
        cells.append(cell(main, system.view(summary.other_view)[main]))
        label = labels[name]
        rows.append(Row(name=label.name, full=label.full, css=label.css, cells=cells))
    return rows


def all_rows(summary: EvaluationSummary, view: ViewName) -> list[Row]:
    """One row per metric and cut-off, one cell per system; intervals are those of the headline."""
    systems = summary.systems.values()
    values = [system.view(view) for system in systems]
    rows = []
    for metric in values[0]:
        best = best_value(metric, [figures[metric] for figures in values])
        cells = [
            cell(
                metric,
                figures[metric],
                system.intervals.get(metric) if view == summary.headline else None,
                best=best,
            )
            for figures, system in zip(values, systems, strict=True)
        ]
        rows.append(Row(name=metric, cells=cells))
    return rows


def seed_rows(summary: EvaluationSummary) -> list[Row]:
    """One row per group of seeds: mean and standard deviation of the main metrics."""
    rows = []
    for group in summary.seeds:
        headline, other = group.view(summary.headline), group.view(summary.other_view)
        cells = [
            _seed_cell(name, headline[name], group.intervals.get(name)) for name in columns(summary)
        ]
        cells.append(_seed_cell(summary.main_metric, other[summary.main_metric]))
        rows.append(Row(name=group.name, cells=cells))
    return rows


def _seed_cell(metric: str, figure: Spread, interval: list[float] | None = None) -> Cell:
    found = cell(metric, figure.mean, interval)
    if figure.sd is None:
        return found
    return replace(found, spread=f"{figure.sd:{display(metric).spec}}")


def paired_rows(summary: EvaluationSummary, labels: Labels) -> list[PairedRow]:
    """One row per pair and metric: both means, their difference, p, users better."""
    names = {label.full: label.name for label in labels.values()}
    return [
        PairedRow(
            pair=f"{names.get(pair.a, pair.a)} − {names.get(pair.b, pair.b)}",
            metric=metric,
            cells=[
                cell(metric, test.a),
                cell(metric, test.b),
                cell(metric, test.difference, test.interval),
            ],
            p=f"{test.p_adjusted:.4f}",
            better=f"{test.a_better:,} / {test.b_better:,}",
        )
        for pair in summary.comparisons
        for metric, test in pair.metrics.items()
    ]


def cell(
    metric: str,
    value: float | None,
    interval: list[float] | None = None,
    *,
    best: float | None = None,
) -> Cell:
    """A figure by the format of its metric.

    Args:
        best: The best value of the metric; None if no system is marked.
    """
    if value is None:
        return Cell(text="–")
    spec = display(metric).spec
    ends = (f"{interval[0]:{spec}}", f"{interval[1]:{spec}}") if interval else None
    return Cell(text=f"{value:{spec}}", interval=ends, best=value == best)
