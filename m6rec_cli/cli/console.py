"""Reporters on stderr: a Rich display on a terminal, plain lines, or JSON lines."""

import json
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, TextIO

from m6rec_cli.system.progress import ProgressTask, Reporter
from m6rec_cli.system.shown_text import printable

LogFormat = Literal["auto", "plain", "json"]
_NUMBER = re.compile(r"^(?:[-+±<>~]?\.?\d|-$)")
"""The start of a cell that is aligned to the right."""


def reporter(
    *, quiet: bool = False, log_format: LogFormat = "auto", stream: TextIO | None = None
) -> Reporter:
    """The reporter of a format; `auto` is Rich on a terminal unless quiet, else plain."""
    out: TextIO = sys.stderr if stream is None else stream
    if log_format == "json":
        return JsonReporter(out, quiet)
    if log_format == "auto" and out.isatty() and not quiet:
        return RichReporter(out)
    return PlainReporter(out, quiet)


def format_value(value: object) -> str:
    """A table cell or a progress figure as short text."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < 10 else f"{value:,.0f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return printable(str(value))


def _left_aligned(rows: Sequence[Sequence[str]], n_columns: int) -> list[bool]:
    """Whether each column is aligned to the left: the first, and columns of words."""
    return [
        at == 0 or not all(_NUMBER.match(row[at]) for row in rows if row[at])
        for at in range(n_columns)
    ]


class PlainReporter:
    """Prints lines of text; a task prints its progress every few seconds.

    A quiet one prints warnings only.
    """

    every_seconds = 5.0

    def __init__(self, stream: TextIO, quiet: bool = False):
        self.stream, self.quiet = stream, quiet

    def _print(self, line: str) -> None:
        """Print one line. If the reader has closed the pipe (`2>&1 | head`), lines are dropped."""
        try:
            print(printable(line), file=self.stream, flush=True)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())

    def note(self, text: str) -> None:
        """Print a line, unless quiet."""
        if not self.quiet:
            self._print(text)

    def warn(self, text: str) -> None:
        """Print a line that starts with `warning:`."""
        self._print(f"warning: {text}")

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print aligned columns, unless quiet."""
        from rich.cells import cell_len  # letters of East Asian scripts are two cells wide

        cells = [[str(c) for c in columns], *([format_value(c) for c in row] for row in rows)]
        widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
        to_left = _left_aligned(cells[1:], len(columns))
        self.note(title)
        for row in cells:
            line = ""
            for cell, width, is_left in zip(row, widths, to_left, strict=True):
                space = " " * (width - cell_len(cell))
                line += "  " + (cell + space if is_left else space + cell)
            self.note(line.rstrip())

    @contextmanager
    def task(self, name: str, total: float | None = None, unit: str = "") -> Iterator[ProgressTask]:
        """Yield a task that prints a line at most every `every_seconds`."""
        yield _LineTask(self, name, total, unit)


class _LineTask:
    def __init__(self, reporter: PlainReporter, name: str, total: float | None, unit: str):
        self.reporter, self.name, self.total, self.unit = reporter, name, total, unit
        self.done, self.start, self.printed = 0.0, time.monotonic(), time.monotonic()

    def advance(self, n: float = 1, **fields: object) -> None:
        """Count `n` units, and print a line if the last one is old enough."""
        self.done += n
        now = time.monotonic()
        if now - self.printed >= self.reporter.every_seconds:
            self.printed = now
            self.reporter.note(
                _progress_line(
                    self.name, self.done, self.total, self.unit, now - self.start, fields
                )
            )


def _progress_line(
    name: str,
    done: float,
    total: float | None,
    unit: str,
    seconds: float,
    fields: dict[str, object],
) -> str:
    rate = done / max(seconds, 1e-9)
    parts = [
        f"{done:,.0f}" + (f"/{total:,.0f}" if total else "") + (f" {unit}" if unit else ""),
        f"{rate:,.0f}/s",
    ]
    if total and rate > 0:
        parts.append(f"{max(total - done, 0) / rate:,.0f} s left")
    return f"{name}: " + ", ".join(
        parts + [f"{key} {format_value(value)}" for key, value in fields.items()]
    )


class JsonReporter(PlainReporter):
    """Prints one JSON object per line."""

    def _print_object(self, level: str, **body: object) -> None:
        self._print(
            json.dumps({"time": round(time.time(), 3), "level": level, **body}, default=str)
        )

    def note(self, text: str) -> None:
        """Print an object with level `info`, unless quiet."""
        if not self.quiet:
            self._print_object("info", text=text)

    def warn(self, text: str) -> None:
        """Print an object with level `warning`."""
        self._print_object("warning", text=text)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print an object whose rows are objects, unless quiet."""
        if not self.quiet:
            self._print_object(
                "table", title=title, rows=[dict(zip(columns, row, strict=True)) for row in rows]
            )


class RichReporter:
    """Draws tables, and progress bars with throughput, time left and the latest figures."""

    def __init__(self, stream: TextIO):
        from rich.console import Console

        self.console = Console(file=stream, highlight=False)
        self._warnings: list[str] = []

    def note(self, text: str) -> None:
        """Print a line."""
        self.console.print(printable(text), markup=False)

    def warn(self, text: str) -> None:
        """Print a yellow line, and keep it for the end."""
        text = printable(text)
        self._warnings.append(text)
        self.console.print(f"warning: {text}", style="yellow", markup=False)

    def repeat_warnings(self) -> None:
        """Print the warnings again, as the last that a person sees."""
        if self._warnings:
            self.console.print("what to check:", style="bold yellow")
        for text in dict.fromkeys(self._warnings):
            self.console.print(f"- {text}", style="yellow", markup=False)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print a Rich table; columns of numbers are right-aligned."""
        from rich.markup import escape
        from rich.table import Table

        cells = [[format_value(cell) for cell in row] for row in rows]
        table = Table(title=escape(printable(title)), title_justify="left")
        for column, is_left in zip(columns, _left_aligned(cells, len(columns)), strict=True):
            justify = "left" if is_left else "right"
            table.add_column(escape(column), justify=justify, overflow="fold")
        for row in cells:
            table.add_row(*map(escape, row))
        self.console.print(table)

    @contextmanager
    def task(self, name: str, total: float | None = None, unit: str = "") -> Iterator[ProgressTask]:
        """Yield a task that draws a bar and removes it at the end."""
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        name = printable(name)
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}", markup=False),
            TimeRemainingColumn(),
            TextColumn("{task.fields[fields]}", markup=False),
        )
        with Progress(*columns, console=self.console, transient=True) as progress:
            task = progress.add_task(name, total=total, rate="", fields="")
            start = time.monotonic()
            done = 0.0

            class Bar:
                def advance(self, n: float = 1, **fields: object) -> None:
                    nonlocal done
                    done += n
                    rate = f"{done / max(time.monotonic() - start, 1e-9):,.0f} {unit}/s"
                    text = "  ".join(
                        f"{key} {format_value(value)}" for key, value in fields.items()
                    )
                    progress.update(task, advance=n, rate=rate, fields=text)

            yield Bar()
