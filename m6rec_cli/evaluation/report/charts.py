"""Values to the coordinates of bar charts and line charts, which templates draw as SVG.

A chart is 340 units wide, about the width of a phone: panels stand beside each other where there is
room, so that the text of a chart is as large as that of the page.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 8, 8, 36
_PLOT_HEIGHT = 190
_NAMED_BAR, _BAR, _HEADING = 36, 15, 24
_VALUE_WIDTH = 46


@dataclass(frozen=True, kw_only=True)
class BarValue:
    """A value to draw as a bar.

    Attributes:
        css: The class that colours it.
        name: The text above the bar; None for a bar in a group.
        text: The formatted value.
        hover: What the bar says in full.
    """

    css: str
    name: str | None
    value: float | None
    interval: Sequence[float] | None
    text: str
    hover: str


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A drawn bar; all numbers are units of the chart.

    Attributes:
        y: Its upper edge; `text_y` is the base line of its value.
        ends: Both ends of the interval.
        text_x: Where the value ends (`name` is not None) or begins.
    """

    css: str
    name: str | None
    text: str
    hover: str
    y: float
    length: float
    ends: tuple[float, float] | None
    text_x: float
    text_y: float


@dataclass(frozen=True, kw_only=True)
class BarChart:
    """Horizontal bars, in groups or each with a name.

    Attributes:
        alt: What the chart shows, in words and figures.
        headings: Text and base line of the headings of groups.
    """

    title: str
    alt: str
    height: float
    headings: list[tuple[str, float]]
    bars: list[Bar]


def bar_chart(title: str, alt: str, groups: Sequence[tuple[str, Sequence[BarValue]]]) -> BarChart:
    """Lay out groups of bars on one scale that begins at 0; an empty heading takes no room."""
    values = [bar for _, bars in groups for bar in bars]
    top = max((max([bar.value or 0, *(bar.interval or ())]) for bar in values), default=0) or 1
    headings, drawn, y = [], [], 2.0
    for heading, bars in groups:
        if heading:
            headings.append((heading, y + 14))
            y += _HEADING
        for bar in bars:
            drawn.append(_laid_out(bar, y, top))
            y += _BAR if bar.name is None else _NAMED_BAR
    return BarChart(title=title, alt=alt, height=y + 2, headings=headings, bars=drawn)


def _laid_out(bar: BarValue, y: float, top: float) -> Bar:
    named = bar.name is not None
    scale = (WIDTH if named else WIDTH - _VALUE_WIDTH) / top
    length = (bar.value or 0) * scale
    ends = None
    if bar.interval and bar.value is not None:
        ends = (round(bar.interval[0] * scale, 1), round(bar.interval[1] * scale, 1))
    at = y + 18 if named else y + 2
    return Bar(
        css=bar.css,
        name=bar.name,
        text=bar.text,
        hover=bar.hover,
        y=at,
        length=round(length, 1),
        ends=ends,
        text_x=WIDTH if named else round(max([length, *(ends or ())]) + 6, 1),
        text_y=y + 13 if named else at + 9,
    )


@dataclass(frozen=True, kw_only=True)
class LineValues:
    """A line to draw.

    Attributes:
        points: x and y; points without a y are left out.
        marked: Position of the point with a ring.
        dashed: Whether the line is dashed.
        name: What the hover text of a point begins with.
    """

    css: str
    name: str
    points: Sequence[tuple[float, float | None]]
    marked: float | None = None
    dashed: bool = False


@dataclass(frozen=True, kw_only=True)
class Line:
    """A drawn line: `points` of a polyline, dots with their hover text, and rings."""

    css: str
    dashed: bool
    points: str
    dots: list[tuple[float, float, str]]
    rings: list[tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class LineChart:
    """Lines over two axes; ticks are a position and a text."""

    title: str
    alt: str
    x_label: str
    height: float
    left: float
    right: float
    bottom: float
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    lines: list[Line]


def line_chart(
    title: str,
    alt: str,
    x_label: str,
    lines: Sequence[LineValues],
    *,
    x_ticks: Sequence[float] | None = None,
    as_percent: bool = False,
    from_zero: bool = True,
) -> LineChart:
    """Lay out lines; axes are in percent on request, and `from_zero` makes y begin at 0."""
    known = [(x, y) for line in lines for x, y in line.points if y is not None]
    xs, ys = [x for x, _ in known], [y for _, y in known]
    ticks = list(x_ticks) if x_ticks else nice_ticks(min(xs), max(xs), whole=not as_percent)
    x_low, x_high = min(*xs, *ticks), max(*xs, *ticks)
    y_ticks = nice_ticks(0 if from_zero else min(ys), max(ys))
    y_low, y_high = min(y_ticks[0], min(ys)), max(y_ticks[-1], max(ys))
    right, bottom = WIDTH - _RIGHT, _TOP + _PLOT_HEIGHT

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - x_low) / ((x_high - x_low) or 1)
        up = (y - y_low) / ((y_high - y_low) or 1)
        return round(_LEFT + across * (right - _LEFT), 1), round(bottom - up * _PLOT_HEIGHT, 1)

    def text(value: float) -> str:
        return f"{value:.0%}" if as_percent else f"{value:.4g}"

    def drawn(line: LineValues) -> Line:
        points = [(x, y) for x, y in line.points if y is not None]
        return Line(
            css=line.css,
            dashed=line.dashed,
            points=" ".join("{},{}".format(*at(x, y)) for x, y in points),
            dots=[(*at(x, y), f"{line.name}: {text(y)} at {text(x)}") for x, y in points],
            rings=[at(x, y) for x, y in points if x == line.marked],
        )

    return LineChart(
        title=title,
        alt=alt,
        x_label=x_label,
        height=bottom + _BOTTOM,
        left=_LEFT,
        right=right,
        bottom=bottom,
        x_ticks=[(at(x, y_low)[0], text(x)) for x in ticks],
        y_ticks=[(at(x_low, y)[1], text(y)) for y in y_ticks],
        lines=[drawn(line) for line in lines],
    )


def nice_ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """Three to six multiples of 1, 2 or 5 times a power of ten that enclose `low` to `high`."""
    span = (high - low) or abs(high) or 1.0
    step = 10.0 ** math.floor(math.log10(span))
    for factor in (0.2, 0.5, 1.0, 2.0):
        if span / (step * factor) <= 5:
            step *= factor
            break
    if whole:
        step = max(1.0, round(step))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 10) for i in range(first, max(last, first + 1) + 1)]
