"""Descriptions to what a person reads: a page for one output, a table for several."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from m6rec_cli.inspection.description import Description, Table, first_inputs
from m6rec_cli.system.progress import Reporter, TableStyle
from m6rec_cli.system.shown_text import duration

_MOST_ROWS = 40
_UNITS = ("B", "KB", "MB", "GB", "TB")
_IS_SIZE = " bytes"
_SECONDS = "seconds"
_SHOWN_NAMES = {
    _SECONDS: "time",
    "peak host bytes": "peak memory",
    "peak device bytes": "peak device memory",
    "positive": "labelled if",
}
"""Names for a person, where those of the JSON object say a unit."""


def show_details(found: Description, report: Reporter) -> None:
    """Show the tables of one output, after `page_lines`."""
    for table in found.tables:
        show_table(table, report)


def show_tables(found: Sequence[Description], report: Reporter) -> None:
    """Show several outputs, one table for each kind."""
    for kind in dict.fromkeys(d.kind for d in found):
        same = [d for d in found if d.kind == kind]
        names = list(dict.fromkeys(name for d in same for name in d.columns if name in d.figures))
        shown = [_SHOWN_NAMES.get(name, name) for name in names]
        columns = ("path", *shown, "made", "size", "whole")
        side = ("size", "made", *reversed(shown))  # what the output says goes last
        rows = [
            [
                d.path,
                *(_figure(name, d.figures.get(name)) for name in names),
                _date(d).partition(" UTC")[0],
                size_text(d.bytes),
                _whole(d).partition(":")[0].partition(" (")[0],
            ]
            for d in same
        ]
        style = TableStyle(names=1, side=side)
        show_table(Table(title=kind, columns=columns, rows=rows, style=style), report)


def page_lines(found: Description) -> list[str]:
    """The lines of one output's page, before its tables."""
    ended = (
        "" if found.complete else ", not finished: continue with the same command and `--resume`"
    )
    facts = [("made", _date(found))]
    if found.command is not None or found.has_digests:  # lists have no place for it
        facts.append(("command", found.command or "not recorded"))
    if found.version is not None or found.format is not None:
        parts = [f"m6rec {found.version}"] if found.version else []
        parts += [f"format {found.format}"] if found.format is not None else []
        facts.append(("version", ", ".join(parts)))
    for depth, made_from, is_repeated in first_inputs(found.inputs):
        size = "" if made_from.bytes is None else f", {size_text(made_from.bytes)}"
        above = ", as above" if is_repeated else ""
        line = f"{'  ' * depth}{made_from.role} {made_from.path} ({made_from.state}{size}{above})"
        facts.append(("from", line))
    facts += [
        (_SHOWN_NAMES.get(name, name), _text(name, value)) for name, value in found.figures.items()
    ]
    n_files = f"{found.files:,} file{'s' if found.files != 1 else ''}"
    facts.append(("size", f"{size_text(found.bytes)} in {n_files}"))
    facts.append(("whole", _whole(found)))
    facts += [("damaged", problem) for problem in found.problems or ()]
    width = max(len(name) for name, _ in facts)
    lines, last = [f"{found.path}: {found.what}{ended}"], ""
    for name, value in facts:
        lines.append(f"  {'' if name == last else name:<{width}}  {value}")
        last = name
    return lines


def size_text(n_bytes: int) -> str:
    """A size in the largest unit that leaves a number of at least 1."""
    size, unit = float(n_bytes), _UNITS[0]
    for unit in _UNITS:
        if size < 1000 or unit == _UNITS[-1]:
            break
        size /= 1000
    return f"{size:.0f} {unit}" if size >= 100 or unit == "B" else f"{size:.1f} {unit}"


def show_table(table: Table, report: Reporter) -> None:
    """Show a table; of a long one its end, where the latest epochs are."""
    if not table.rows:
        return
    title = table.title
    if len(table.rows) > _MOST_ROWS:
        title += f" (the last {_MOST_ROWS} of {len(table.rows):,})"
    rows = [list(map(_figure, table.columns, row)) for row in table.rows[-_MOST_ROWS:]]
    columns = [_SHOWN_NAMES.get(name, name) for name in table.columns]
    side = [_SHOWN_NAMES.get(name, name) for name in table.style.side]
    report.table(title, columns, rows, replace(table.style, side=side))


def _text(name: str, value: object) -> str:
    value = _figure(name, value)
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < 10 else f"{value:,.0f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)


def _figure(name: str, value: object) -> object:
    """A size, a time or a share as text; other figures as they are."""
    if name.endswith(_IS_SIZE) and isinstance(value, int):
        return size_text(value)
    if name == _SECONDS and isinstance(value, float | int):
        return duration(value)
    if name == "repeats" and isinstance(value, float):
        return f"{value:.1%}"
    return value


def _date(found: Description) -> str:
    text = found.created or found.modified
    if text is None:
        return "not recorded"
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{date:%Y-%m-%d %H:%M} UTC" + ("" if found.created else " (file date)")


def _whole(found: Description) -> str:
    if not found.complete:
        return "not finished"
    if found.problems:
        return f"no: {len(found.problems):,} damaged or missing"
    if not found.has_digests:
        return "unknown: it has no digests"
    if found.problems is None:
        return "not checked (`--verify`)"
    return f"yes: {found.checked:,} files have their digests"
