"""The reporter for a terminal: tables, progress bars, and warnings again at the end."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from m6rec_cli.cli import folding
from m6rec_cli.cli.shown_values import format_value
from m6rec_cli.system.progress import PLAIN_TABLE, EventName, ProgressTask, TableStyle
from m6rec_cli.system.shown_text import printable

if TYPE_CHECKING:
    from rich.live import Live


class RichReporter:
    """Draws tables, and progress bars with throughput, time left and the latest figures."""

    def __init__(self, stream: TextIO):
        from rich.console import Console

        self.console = Console(file=stream, highlight=False)
        self._warnings: list[str] = []
        self._live: Live | None = None

    @property
    def width(self) -> int:
        """Columns of the terminal."""
        return self.console.width

    def note(self, text: str) -> None:
        """Print a line."""
        self.console.print(printable(text), markup=False)

    def event(self, name: EventName, text: str, **facts: object) -> None:
        """Print a line; a command to copy is not broken by words."""
        text, is_command = printable(text), name == "next" and "`" not in text
        if name == "next" and not is_command:
            text = folding.fold(text, self.console.width)
        style = "green" if name == "done" else None
        self.console.print(text, style=style, markup=False, soft_wrap=name == "next")

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
        self.console.print(printable(title), style="italic", markup=False)
        self.console.print(fitted_table(columns, cells, style, self.console.width))

    @contextmanager
    def task(
        self, name: str, total: float | None = None, unit: str = "", first: str = ""
    ) -> Iterator[ProgressTask]:
        """Yield a task that draws a bar and removes it at the end."""
        from m6rec_cli.cli.rich_progress import bar

        self.close()
        with bar(self.console, printable(name), total, unit, first) as task:
            yield task

    def status(self, text: str) -> None:
        """Draw what the command does now beside a spinner, until a task begins."""
        from rich.live import Live
        from rich.markup import escape
        from rich.spinner import Spinner

        spinner = Spinner("dots", escape(printable(text)))
        if self._live is None:
            self._live = Live(
                spinner,
                console=self.console,
                transient=True,
                redirect_stdout=sys.stdout.isatty(),
            )
            self._live.start(refresh=True)
        else:
            self._live.update(spinner, refresh=True)

    def close(self) -> None:
        """Remove the spinner."""
        if self._live is not None:
            self._live.stop()
            self._live = None
