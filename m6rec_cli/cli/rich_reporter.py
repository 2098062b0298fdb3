"""The reporter for a terminal: tables, progress bars, and warnings again at the end."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from m6rec_cli.cli.shown_values import format_value
from m6rec_cli.system.progress import PLAIN_TABLE, ProgressTask, TableStyle
from m6rec_cli.system.shown_text import printable


class RichReporter:
    """Draws tables, and progress bars with throughput, time left and the latest figures."""

    def __init__(self, stream: TextIO):
        from rich.console import Console

        self.console = Console(file=stream, highlight=False)
        self._warnings: list[str] = []

    def note(self, text: str) -> None:
        """Print a line."""
        self.console.print(printable(text), markup=False)

    def event(self, name: str, text: str, **facts: object) -> None:
        """Print a line; a command to copy is not broken by words."""
        self.console.print(
            printable(text),
            style="green" if name == "done" else None,
            markup=False,
            soft_wrap=name == "next",
        )

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

    def table(
        self,
        title: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[object]],
        style: TableStyle = PLAIN_TABLE,
    ) -> None:
        """Print a Rich table that fits the width; columns of numbers are right-aligned."""
        from m6rec_cli.cli.rich_table import fitted_table  # Rich takes a while to import

        cells = [[format_value(cell) for cell in row] for row in rows]
        self.console.print(
            fitted_table(printable(title), columns, cells, style, self.console.width)
        )

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
        # Rows for a pipe must not be redirected to this terminal.
        shares = sys.stdout.isatty()
        with Progress(
            *columns, console=self.console, transient=True, redirect_stdout=shares
        ) as progress:
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
