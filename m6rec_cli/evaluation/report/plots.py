"""The summary and the story of an evaluation to the charts of the page."""

from collections.abc import Iterable, Sequence

from m6rec_cli.evaluation.measurement import display, leading_metrics, main_cutoff
from m6rec_cli.evaluation.report.charts import (
    BarChart,
    BarValue,
    LineChart,
    LineValues,
    bar_chart,
    line_chart,
)
from m6rec_cli.evaluation.report.exposure import Exposure
from m6rec_cli.evaluation.report.labels import Label, Labels
from m6rec_cli.evaluation.report.summary import EvaluationSummary
from m6rec_cli.evaluation.report.training_curves import TrainingCurve
from m6rec_cli.evaluation.slices import TITLES
from m6rec_cli.system.shown_text import capitalised

EVENTS = Label(name="training events", full="training events", css="reference")
"""The line to which exposure is compared."""


def plot_systems(summary: EvaluationSummary, labels: Labels) -> list[BarChart]:
    """A chart of each leading metric: one bar per system, with its interval."""
    if len(summary.systems) < 2:
        return []
    k = main_cutoff(summary.ks)
    return [_plot_metric(summary, labels, f"{metric}@{k}") for metric in leading_metrics()]


def _plot_metric(summary: EvaluationSummary, labels: Labels, metric: str) -> BarChart:
    bars = [
        _bar(
            labels[name],
            metric,
            system.view(summary.headline)[metric],
            system.intervals.get(metric),
            named=True,
        )
        for name, system in summary.systems.items()
    ]
    title = _title(metric)
    return bar_chart(title, f"{title}. " + _listed(bar.hover for bar in bars), [("", bars)])


def plot_cutoffs(summary: EvaluationSummary, labels: Labels) -> list[LineChart]:
    """A chart of each leading metric over the cut-offs, one line per system."""
    ks = summary.ks
    if len(ks) < 2:
        return []
    charts = []
    for metric in leading_metrics():
        lines = [
            LineValues(
                css=labels[name].css,
                name=labels[name].name,
                points=[(k, system.view(summary.headline)[f"{metric}@{k}"]) for k in ks],
            )
            for name, system in summary.systems.items()
        ]
        title = f"{capitalised(display(metric).title)} at k"
        if _has_values(lines):
            charts.append(line_chart(title, _alt(title, lines), "k", lines, x_ticks=ks))
    return charts


def plot_slices(summary: EvaluationSummary, labels: Labels) -> list[BarChart]:
    """The main metric by slice; a chart for each group of at least two slices."""
    metric = summary.main_metric
    charts = []
    for group, slices in next(iter(summary.systems.values())).slices.items():
        if len(slices) < 2:
            continue
        bars = {
            f"{part} · {facts.users:,} user{'' if facts.users == 1 else 's'}": [
                _slice_bar(summary, labels, name, group, part) for name in summary.systems
            ]
            for part, facts in slices.items()
        }
        words = [
            f"{heading}: {_listed(bar.hover for bar in values)}" for heading, values in bars.items()
        ]
        alt = f"{_title(metric)}. {TITLES[group]}. {'. '.join(words)}"
        charts.append(bar_chart(TITLES[group], alt, list(bars.items())))
    return charts


def undivided(summary: EvaluationSummary) -> list[tuple[str, str]]:
    """The groups of slices that have one slice only, and its name."""
    slices = next(iter(summary.systems.values())).slices
    return [(TITLES[group], next(iter(parts))) for group, parts in slices.items() if len(parts) < 2]


def _slice_bar(
    summary: EvaluationSummary, labels: Labels, name: str, group: str, part: str
) -> BarValue:
    facts, metric = summary.systems[name].slices[group][part], summary.main_metric
    interval = facts.intervals.get(metric)
    return _bar(labels[name], metric, facts.metrics[metric], interval, named=False)


def plot_training(curves: Sequence[TrainingCurve], labels: Labels) -> list[LineChart]:
    """Validation NDCG@10 and training loss by epoch, one line per run; parents are dashed."""
    charts = []
    for title, with_best in (("Validation NDCG@10", True), ("Training loss", False)):
        lines = [
            LineValues(
                css=labels[curve.run].css,
                name=curve_name(curve, labels),
                points=list(zip(curve.epochs, values, strict=True)),
                marked=curve.best_epoch if with_best else None,
                dashed=curve.parent is not None,
            )
            for curve in curves
            for values in [curve.ndcg if with_best else curve.loss]
            if sum(value is not None for value in values) > 1
        ]
        if lines:
            alt = _alt(title, lines)
            charts.append(line_chart(title, alt, "epoch", lines, from_zero=with_best))
    return charts


def curve_name(curve: TrainingCurve, labels: Labels) -> str:
    """What a curve is called: the run, or what its parent is to it."""
    name = labels[curve.run].name
    return name if curve.parent is None else f"the parent of {name}"


def plot_exposure(exposure: Exposure, labels: Labels) -> list[LineChart]:
    """Share of all places in lists by share of the catalogue, most popular items first."""
    shares = [(labels[name], places) for name, places in exposure.places.items() if places]
    if exposure.events:
        shares.append((EVENTS, exposure.events))
    if len(shares) < 2:
        return []
    lines = [
        LineValues(
            css=label.css,
            name=label.name,
            points=list(zip(exposure.catalogue, values, strict=True)),
            dashed=label is EVENTS,
        )
        for label, values in shares
    ]
    title = "Share of all list places"
    return [
        line_chart(
            title,
            _alt(f"{title} by share of the catalogue", lines[:]),
            "share of the catalogue, most popular items first",
            lines,
            x_ticks=(0, 0.25, 0.5, 0.75, 1),
            as_percent=True,
        )
    ]


def _bar(
    label: Label,
    metric: str,
    value: float | None,
    interval: Sequence[float] | None,
    *,
    named: bool,
) -> BarValue:
    spec = display(metric).spec
    text = "–" if value is None else f"{value:{spec}}"
    hover = f"{label.name} {text}"
    if interval:
        hover += f" (95% {interval[0]:{spec}} to {interval[1]:{spec}})"
    name = label.name if named else None
    return BarValue(
        css=label.css, name=name, value=value, interval=interval, text=text, hover=hover
    )


def _has_values(lines: Sequence[LineValues]) -> bool:
    return any(y is not None for line in lines for _, y in line.points)


def _alt(title: str, lines: Sequence[LineValues]) -> str:
    """The title, and the first and the last value of each line."""
    words = []
    for line in lines:
        known = [(x, y) for x, y in line.points if y is not None]
        if known:
            (x, y), (last_x, last_y) = known[0], known[-1]
            words.append(f"{line.name} from {y:.3g} at {x:.3g} to {last_y:.3g} at {last_x:.3g}")
    return f"{title}. {'; '.join(words)}"


def _title(metric: str) -> str:
    name, _, k = metric.partition("@")
    return f"{capitalised(display(name).title)}@{k}"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
