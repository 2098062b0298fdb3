"""The summary of an evaluation to pictures: SVG as data URIs, ready to be put into a page."""

import base64
import io
from typing import Any

import matplotlib
from matplotlib.figure import Figure

COLOURS = ("#2f6fde", "#e07b39", "#3a9d6e", "#b04a8f", "#8a7a2d", "#5b6470", "#c23b3b", "#2aa3b0")


def curves(summary: dict[str, Any]) -> str:
    """NDCG and recall over the cut-offs, a line a system."""
    figure, axes = _figure(8.6, 3.2, 2)
    ks = summary["ks"]
    for axis, metric in zip(axes, ("ndcg", "recall"), strict=True):
        for i, system in enumerate(summary["systems"].values()):
            values = [system["masked"][f"{metric}@{k}"] for k in ks]
            axis.plot(ks, values, marker="o", markersize=4, color=_colour(i))
        axis.set_title(f"{metric.upper() if metric == 'ndcg' else metric} at k", fontsize=10)
        axis.set_xlabel("k")
        axis.set_xticks(ks)
        axis.set_ylim(bottom=0)
    _legend(figure, axes[0].lines, summary)
    return _uri(figure)


def bars(summary: dict[str, Any], k: int) -> str:
    """NDCG and recall at the primary cut-off with their intervals, a bar a system."""
    systems = summary["systems"]
    figure, axes = _figure(8.6, 0.8 + 0.42 * len(systems), 2)
    for axis, metric in zip(axes, (f"ndcg@{k}", f"recall@{k}"), strict=True):
        for i, system in enumerate(systems.values()):
            value = system["masked"][metric]
            error = _error(value, system["intervals"].get(metric))
            axis.barh(i, value, 0.62, xerr=error, color=_colour(i), ecolor="#333", capsize=3)
        axis.set_yticks(range(len(systems)), [_text(name) for name in systems])
        axis.invert_yaxis()
        axis.set_title(metric, fontsize=10)
    axes[1].set_yticklabels([])
    return _uri(figure)


def slices(summary: dict[str, Any], group: str, k: int) -> str:
    """NDCG at the primary cut-off in every part of a slice group, with intervals, a colour a system."""
    systems = list(summary["systems"].values())
    parts = list(systems[0]["slices"][group])
    figure, (axis,) = _figure(8.6, 2.9, 1)
    width = 0.8 / len(systems)
    drawn = []
    for i, system in enumerate(systems):
        at = [p + (i - (len(systems) - 1) / 2) * width for p in range(len(parts))]
        figures = [system["slices"][group][part] for part in parts]
        values = [f[f"ndcg@{k}"] for f in figures]
        errors = [
            _error(v, f["intervals"].get(f"ndcg@{k}")) for v, f in zip(values, figures, strict=True)
        ]
        error = (
            None
            if any(e is None for e in errors)
            else [[e[s][0] for e in errors if e] for s in (0, 1)]
        )
        drawn.append(
            axis.bar(
                at, values, width * 0.92, yerr=error, color=_colour(i), ecolor="#333", capsize=2
            )
        )
    users = [systems[0]["slices"][group][part]["users"] for part in parts]
    axis.set_xticks(
        range(len(parts)),
        [f"{part}\n{n:,} users" for part, n in zip(parts, users, strict=True)],
        fontsize=8,
    )
    axis.set_ylabel(f"ndcg@{k}")
    _legend(figure, drawn, summary)
    return _uri(figure)


def _figure(width: float, height: float, columns: int) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(1, columns, squeeze=False)[0]
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
        axis.set_axisbelow(True)
        axis.tick_params(labelsize=8)
    return figure, axes


def _legend(figure: Figure, handles: Any, summary: dict[str, Any]) -> None:
    labels = [_text(name) for name in summary["systems"]]
    figure.legend(
        list(handles),
        labels,
        loc="outside lower center",
        ncols=min(4, len(labels)),
        frameon=False,
        fontsize=8,
    )


def _colour(i: int) -> str:
    return COLOURS[i % len(COLOURS)]


def _text(name: str) -> str:
    """A name as plot text: the end of a long one, and no dollar sign that would start a formula."""
    short = name if len(name) <= 40 else "…" + name[-39:]
    return short.replace("$", r"\$")


def _error(value: float, interval: list[float] | None) -> list[list[float]] | None:
    if interval is None:
        return None
    return [[max(value - interval[0], 0)], [max(interval[1] - value, 0)]]


def _uri(figure: Figure) -> str:
    out = io.StringIO()
    # A fixed salt and no date: the same figures give the same bytes.
    with matplotlib.rc_context({"svg.hashsalt": "m6rec"}):
        figure.savefig(out, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(out.getvalue().encode()).decode()
