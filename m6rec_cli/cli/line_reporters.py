"""Reporters that print lines on stderr: of text, or of JSON."""

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from m6rec_cli.cli.pace import Pace
from m6rec_cli.cli.shown_values import format_value, left_aligned
from m6rec_cli.system.progress import PLAIN_TABLE, EventName, ProgressTask, TableStyle
from m6rec_cli.system.shown_text import printable


class PlainReporter:
    """Prints lines of text; a task prints its progress every few seconds.

    A quiet one prints warnings only.
    """

    every_seconds = 5.0
    width: int | None = None

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

    def event(self, name: EventName, text: str, **facts: object) -> None:
        """Print the text, unless quiet."""
        self.note(text)

    def table(
        self,
        title: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[object]],
        style: TableStyle = PLAIN_TABLE,
    ) -> None:
        """Print aligned columns, unless quiet."""
        from rich.cells import cell_len  # letters of East Asian scripts are two cells wide

        cells = [[str(c) for c in columns], *([format_value(c) for c in row] for row in rows)]
        widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
        to_left = left_aligned(cells[1:], len(columns))
        self.note(title)
        for row in cells:
            line = ""
            for cell, width, is_left in zip(row, widths, to_left, strict=True):
                space = " " * (width - cell_len(cell))
                line += "  " + (cell + space if is_left else space + cell)
            self.note(line.rstrip())

    @contextmanager
    def task(
        self, name: str, total: float | None = None, unit: str = "", first: str = ""
    ) -> Iterator[ProgressTask]:
        """Yield a task that prints a line at most every `every_seconds`."""
        if first:
            self.status(f"{name}: {first}")
        yield _LineTask(self, name, Pace(total, unit))

    def status(self, text: str) -> None:
        """Print what the command does now, unless quiet."""
        self.event("status", text)

    def close(self) -> None:
        """Nothing is drawn that would have to be removed."""


class _LineTask:
    def __init__(self, reporter: PlainReporter, name: str, pace: Pace):
        self.reporter, self.name, self.pace = reporter, name, pace
        self.printed = time.monotonic()

    def advance(self, n: float = 1, **fields: object) -> None:
        """Count `n` units, and print a line if the last one is old enough."""
        pace = self.pace
        now = pace.advance(n)
        if now - self.printed < self.reporter.every_seconds:
            return
        self.printed = now
        self.reporter.event(
            "progress",
            f"{self.name}: {', '.join(pace.parts(fields))}",
            task=self.name,
            done=pace.done,
            total=pace.total,
            unit=pace.unit,
            per_second=pace.rate,
            seconds_left=pace.seconds_left,
            **fields,
        )


class JsonReporter(PlainReporter):
    """Prints one JSON object per line."""

    def _print_object(self, level: str, event: str, **body: object) -> None:
        head = {"time": round(time.time(), 3), "level": level, "event": event}
        self._print(json.dumps({**head, **body}, default=str))

    def note(self, text: str) -> None:
        """Print an object with level `info`, unless quiet."""
        if not self.quiet:
            self._print_object("info", "note", text=text)

    def warn(self, text: str) -> None:
        """Print an object with level `warning`."""
        self._print_object("warning", "warning", text=text)

    def event(self, name: EventName, text: str, **facts: object) -> None:
        """Print an object with the event's name and facts, unless quiet."""
        if not self.quiet:
            self._print_object("info", name, text=text, **facts)

    def table(
        self,
        title: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[object]],
        style: TableStyle = PLAIN_TABLE,
    ) -> None:
        """Print an object whose rows are objects, unless quiet."""
        if not self.quiet:
            objects = [dict(zip(columns, row, strict=True)) for row in rows]
            self._print_object("table", "table", title=title, rows=objects)
