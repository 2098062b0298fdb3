"""Where a stage's words go: a Rich terminal, plain lines, or JSON lines; always on stderr."""

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from m6rec_cli.system.progress import Reporter, ProgressTask


def reporter(
    *, quiet: bool = False, log_format: str = "auto", stream: TextIO | None = None
) -> Reporter:
    """Choose the reporter: `log_format` is `auto` (Rich on a terminal, else plain), `plain` or `json`."""
    to: TextIO = sys.stderr if stream is None else stream
    if log_format == "json":
        return JsonReporter(to, quiet)
    if log_format == "auto" and to.isatty() and not quiet:
        return RichReporter(to)
    return PlainReporter(to, quiet)


def show(value: Any) -> str:
    """A cell or a field in few characters."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < 10 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


class PlainReporter:
    """Lines of text; a task says where it stands every few seconds. Quiet keeps warnings alone."""

    every_seconds = 5.0

    def __init__(self, stream: TextIO, quiet: bool = False):
        self.stream, self.quiet = stream, quiet

    def _print(self, line: str) -> None:
        """A line; where nobody reads any more (`2>&1 | head`), this one and the next ones are lost, and the work goes on."""
        try:
            print(line, file=self.stream, flush=True)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())

    def note(self, text: str) -> None:
        """A line, unless quiet."""
        if not self.quiet:
            self._print(text)

    def warn(self, text: str) -> None:
        """A line that starts with `warning:`."""
        self._print(f"warning: {text}")

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Aligned columns."""
        cells = [[str(c) for c in columns], *([show(c) for c in row] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        self.note(title)
        for row in cells:
            self.note(
                "  "
                + "  ".join(
                    c.ljust(w) if i == 0 else c.rjust(w)
                    for i, (c, w) in enumerate(zip(row, widths, strict=True))
                ).rstrip()
            )

    @contextmanager
    def task(self, name: str, total: float | None = None, unit: str = "") -> Iterator[ProgressTask]:
        """Yield a task that prints at most one line every `every_seconds`."""
        yield _LineTask(self, name, total, unit)


class _LineTask:
    def __init__(self, to: PlainReporter, name: str, total: float | None, unit: str):
        self.to, self.name, self.total, self.unit = to, name, total, unit
        self.done, self.start, self.said = 0.0, time.monotonic(), time.monotonic()

    def advance(self, n: float = 1, **fields: Any) -> None:
        """Count, and print if the last line is old enough."""
        self.done += n
        now = time.monotonic()
        if now - self.said >= self.to.every_seconds:
            self.said = now
            self.to.note(
                _progress_line(
                    self.name, self.done, self.total, self.unit, now - self.start, fields
                )
            )


def _progress_line(
    name: str, done: float, total: float | None, unit: str, seconds: float, fields: dict[str, Any]
) -> str:
    rate = done / max(seconds, 1e-9)
    parts = [
        f"{done:,.0f}" + (f"/{total:,.0f}" if total else "") + (f" {unit}" if unit else ""),
        f"{rate:,.0f}/s",
    ]
    if total and rate > 0:
        parts.append(f"{max(total - done, 0) / rate:,.0f} s left")
    return f"{name}: " + ", ".join(
        parts + [f"{key} {show(value)}" for key, value in fields.items()]
    )


class JsonReporter(PlainReporter):
    """One JSON object a line."""

    def _say(self, level: str, **body: Any) -> None:
        self._print(
            json.dumps({"time": round(time.time(), 3), "level": level, **body}, default=str)
        )

    def note(self, text: str) -> None:
        """An object with `level` info."""
        if not self.quiet:
            self._say("info", text=text)

    def warn(self, text: str) -> None:
        """An object with `level` warning."""
        self._say("warning", text=text)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """An object with the rows as objects."""
        if not self.quiet:
            self._say(
                "table", title=title, rows=[dict(zip(columns, row, strict=True)) for row in rows]
            )


class RichReporter:
    """A progress bar with throughput, time left and the latest figures, and tables."""

    def __init__(self, stream: TextIO):
        from rich.console import Console

        self.console = Console(file=stream, highlight=False)

    def note(self, text: str) -> None:
        """A line."""
        self.console.print(text, markup=False)

    def warn(self, text: str) -> None:
        """A yellow line."""
        self.console.print(f"warning: {text}", style="yellow", markup=False)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """A Rich table; all columns but the first are aligned to the right."""
        from rich.markup import escape
        from rich.table import Table

        table = Table(title=escape(title), title_justify="left")
        for i, column in enumerate(columns):
            table.add_column(escape(column), justify="left" if i == 0 else "right")
        for row in rows:
            table.add_row(*(escape(show(cell)) for cell in row))
        self.console.print(table)

    @contextmanager
    def task(self, name: str, total: float | None = None, unit: str = "") -> Iterator[ProgressTask]:
        """Yield a task that draws a bar and takes it away at the end."""
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

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
                def advance(self, n: float = 1, **fields: Any) -> None:
                    nonlocal done
                    done += n
                    rate = f"{done / max(time.monotonic() - start, 1e-9):,.0f} {unit}/s"
                    text = "  ".join(f"{key} {show(value)}" for key, value in fields.items())
                    progress.update(task, advance=n, rate=rate, fields=text)

            yield Bar()
