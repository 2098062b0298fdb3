"""The summary of an evaluation to one HTML page that needs no other file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from m6rec_cli.evaluation.measurement import (
    best_value,
    display,
    leading_metrics,
    main_columns,
    main_cutoff,
)
from m6rec_cli.evaluation.report import plots
from m6rec_cli.evaluation.report.seed_spread import Spread
from m6rec_cli.evaluation.report.summary import EvaluationSummary
from m6rec_cli.evaluation.results import ViewName
from m6rec_cli.evaluation.slices import TITLES

_TEMPLATE = "page.html.jinja"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A figure of a table.

    Attributes:
        text: The formatted value; a dash if there is none.
        interval: Both ends of its interval, formatted.
        best: Whether it is the best value of its metric.
    """

    text: str
    interval: tuple[str, str] | None = None
    best: bool = False


def render_page(
    summary: EvaluationSummary,
    *,
    config: Mapping[str, object],
    manifest: Mapping[str, object],
    made: Mapping[str, object] | None = None,
) -> str:
    """The page as text.

    Args:
        made: When and by which command.
        config: The settings `evaluate.*`.
        manifest: The manifest of the data directory.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    k = main_cutoff(summary.ks)
    leading = leading_metrics()
    columns = [f"{name}@{k}" for name in main_columns()]
    main = f"{leading[0]}@{k}"
    return environment.get_template(_TEMPLATE).render(
        summary=summary,
        k=k,
        leading=" and ".join(display(name).title for name in leading),
        main_title=display(leading[0]).title,
        main_header=["system", *columns, f"{main} {summary.other_view}"],
        main_rows=_main_rows(summary, columns, main),
        all_rows={
            "headline": _all_rows(summary, summary.headline),
            "other": _all_rows(summary, summary.other_view),
        },
        verdicts=summary.verdicts,
        comparison_rows=_comparison_rows(summary),
        n_tests=sum(len(pair.metrics) for pair in summary.comparisons),
        seed_header=["runs", *columns, f"{main} {summary.other_view}"],
        seed_rows=_seed_rows(summary, columns, main),
        systems_plot=plots.plot_systems(summary, k),
        cutoffs_plot=plots.plot_cutoffs(summary),
        slice_plots={
            TITLES[group]: plots.plot_slices(summary, group, k)
            for group in next(iter(summary.systems.values())).slices
        },
        details={
            "When and how": json.dumps(made or {}, indent=2, ensure_ascii=False),
            "Configuration": json.dumps(config, indent=2, ensure_ascii=False),
            "The data's manifest": json.dumps(manifest, indent=2, ensure_ascii=False),
        },
    )


def _main_rows(
    summary: EvaluationSummary, columns: list[str], main: str
) -> list[tuple[str, list[Cell]]]:
    """One row per system: the main metrics, and the first one in the other view."""
    best = {
        name: best_value(name, [s.view(summary.headline)[name] for s in summary.systems.values()])
        for name in columns
    }
    return [
        (
            name,
            [
                *(
                    _cell(
                        column,
                        system.view(summary.headline)[column],
                        system.intervals.get(column),
                        best=system.view(summary.headline)[column] == best[column],
                    )
                    for column in columns
                ),
                _cell(main, system.view(summary.other_view)[main]),
            ],
        )
        for name, system in summary.systems.items()
    ]


def _all_rows(summary: EvaluationSummary, view: ViewName) -> list[tuple[str, list[Cell]]]:
    """One row per metric and cut-off, one cell per system; intervals are those of the headline."""
    systems = summary.systems.values()
    values = [system.view(view) for system in systems]
    rows = []
    for metric in values[0]:
        best = best_value(metric, [figures[metric] for figures in values])
        cells = [
            _cell(
                metric,
                figures[metric],
                system.intervals.get(metric) if view == summary.headline else None,
                best=figures[metric] == best,
            )
            for figures, system in zip(values, systems, strict=True)
        ]
        rows.append((metric, cells))
    return rows


def _seed_rows(
    summary: EvaluationSummary, columns: list[str], main: str
) -> list[tuple[str, list[Cell]]]:
    """One row per group of seeds: mean and standard deviation of the main metrics."""
    rows = []
    for group in summary.seeds:
        headline, other = group.view(summary.headline), group.view(summary.other_view)
        cells = [_seed_cell(name, headline[name], group.intervals.get(name)) for name in columns]
        rows.append((group.name, [*cells, _seed_cell(main, other[main])]))
    return rows


def _seed_cell(metric: str, figure: Spread, interval: list[float] | None = None) -> Cell:
    cell = _cell(metric, figure.mean, interval)
    if figure.sd is None:
        return cell
    return replace(cell, text=f"{cell.text} ± {figure.sd:{display(metric).spec}}")


def _comparison_rows(summary: EvaluationSummary) -> list[tuple[str, str, list[Cell], str, str]]:
    """One row per pair and metric: pair, metric, both means and difference, p, users better."""
    return [
        (
            f"{pair.a} − {pair.b}",
            metric,
            [
                _cell(metric, test.a),
                _cell(metric, test.b),
                _cell(metric, test.difference, test.interval),
            ],
            f"{test.p_adjusted:.4f}",
            f"{test.a_better:,} / {test.b_better:,}",
        )
        for pair in summary.comparisons
        for metric, test in pair.metrics.items()
    ]


def _cell(
    metric: str,
    value: float | None,
    interval: list[float] | None = None,
    *,
    best: bool = False,
) -> Cell:
    if value is None:
        return Cell(text="–")
    spec = display(metric).spec
    ends = (f"{interval[0]:{spec}}", f"{interval[1]:{spec}}") if interval else None
    return Cell(text=f"{value:{spec}}", interval=ends, best=best)
