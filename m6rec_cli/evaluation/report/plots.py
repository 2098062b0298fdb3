"""The summary of an evaluation to plots: SVG images as data URIs for the HTML page."""

import base64
import io
from collections.abc import Sequence

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from m6rec_cli.evaluation.measurement import display, leading_metrics
from m6rec_cli.evaluation.report.summary import EvaluationSummary

COLOURS = ("#2f6fde", "#e07b39", "#3a9d6e", "#b04a8f", "#8a7a2d", "#5b6470", "#c23b3b", "#2aa3b0")


def plot_cutoffs(summary: EvaluationSummary) -> str:
    """The leading metrics over the cut-offs, one line per system."""
    metrics = leading_metrics()
    figure, all_axes = _figure(8.6, 3.2, len(metrics))
    ks = summary.ks
    for axes, metric in zip(all_axes, metrics, strict=True):
        for i, system in enumerate(summary.systems.values()):
            values = [_number(system.view(summary.headline)[f"{metric}@{k}"]) for k in ks]
            axes.plot(ks, values, marker="o", markersize=4, color=_colour(i))
        axes.set_title(f"{display(metric).title} at k", fontsize=10)
        axes.set_xlabel("k")
        axes.set_xticks(ks)
        axes.set_ylim(bottom=0)
    _legend(figure, all_axes[0].lines, summary)
    return _data_uri(figure)


def plot_systems(summary: EvaluationSummary, k: int) -> str:
    """The leading metrics at cut-off `k` with their intervals, one bar per system."""
    systems = summary.systems
    metrics = [f"{metric}@{k}" for metric in leading_metrics()]
    figure, all_axes = _figure(8.6, 0.8 + 0.42 * len(systems), len(metrics))
    for axes, metric in zip(all_axes, metrics, strict=True):
        for i, system in enumerate(systems.values()):
            value = _number(system.view(summary.headline)[metric])
            error = _error_bar(value, system.intervals.get(metric))
            axes.barh(i, value, 0.62, xerr=error, color=_colour(i), ecolor="#333", capsize=3)
        axes.set_yticks(range(len(systems)), [_plot_text(name) for name in systems])
        axes.invert_yaxis()
        axes.set_title(metric, fontsize=10)
    for axes in all_axes[1:]:
        axes.set_yticklabels([])
    return _data_uri(figure)


def plot_slices(summary: EvaluationSummary, group: str, k: int) -> str:
    """The main metric at `k` in each slice of a group, with intervals, one bar per system."""
    systems = list(summary.systems.values())
    metric = f"{leading_metrics()[0]}@{k}"
    slices = systems[0].slices[group]
    figure, (axes,) = _figure(8.6, 2.9, 1)
    width = 0.8 / len(systems)
    bars = []
    for i, system in enumerate(systems):
        at = [p + (i - (len(systems) - 1) / 2) * width for p in range(len(slices))]
        parts = [system.slices[group][name] for name in slices]
        values = [part.metrics[metric] for part in parts]
        errors = [
            _error_bar(value, part.intervals.get(metric))
            for value, part in zip(values, parts, strict=True)
        ]
        error = (
            None
            if any(e is None for e in errors)
            else [[e[side][0] for e in errors if e] for side in (0, 1)]
        )
        bars.append(
            axes.bar(
                at, values, width * 0.92, yerr=error, color=_colour(i), ecolor="#333", capsize=2
            )
        )
    axes.set_xticks(
        range(len(slices)),
        [f"{name}\n{part.users:,} users" for name, part in slices.items()],
        fontsize=8,
    )
    axes.set_ylabel(metric)
    _legend(figure, bars, summary)
    return _data_uri(figure)


def _figure(width: float, height: float, columns: int) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(width, height), layout="constrained")
    all_axes = list(figure.subplots(1, columns, squeeze=False)[0])
    for axes in all_axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
        axes.set_axisbelow(True)
        axes.tick_params(labelsize=8)
    return figure, all_axes


def _legend(figure: Figure, handles: Sequence[Artist], summary: EvaluationSummary) -> None:
    labels = [_plot_text(name) for name in summary.systems]
    figure.legend(
        list(handles),
        labels,
        loc="outside lower center",
        ncols=min(4, len(labels)),
        frameon=False,
        fontsize=8,
    )


def _number(value: float | None) -> float:
    """A value to plot; matplotlib draws nothing for NaN."""
    return float("nan") if value is None else value


def _colour(i: int) -> str:
    return COLOURS[i % len(COLOURS)]


def _plot_text(name: str) -> str:
    """A system's name in a plot: long names lose their start, and `$` does not start a formula."""
    short = name if len(name) <= 40 else "…" + name[-39:]
    return short.replace("$", r"\$")


def _error_bar(value: float, interval: list[float] | None) -> list[list[float]] | None:
    """Distances from the value to both ends of its interval, as matplotlib takes them."""
    if interval is None:
        return None
    return [[max(value - interval[0], 0)], [max(interval[1] - value, 0)]]


def _data_uri(figure: Figure) -> str:
    out = io.StringIO()
    # A fixed salt and no date: equal figures give equal bytes.
    with matplotlib.rc_context({"svg.hashsalt": "m6rec"}):
        figure.savefig(out, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(out.getvalue().encode()).decode()
