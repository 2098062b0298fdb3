"""A task on a terminal: a spinner, a bar and as many figures as the width has room for."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Column

from m6rec_cli.cli.pace import Pace, fitting
from m6rec_cli.system.progress import ProgressTask
from m6rec_cli.system.shown_text import shortened

_SPINNER, _WIDEST_BAR = 2, 24
"""Characters of the spinner with its space, and of the bar."""


@contextmanager
def bar(
    console: Console, name: str, total: float | None, unit: str, first: str
) -> Iterator[ProgressTask]:
    """Draw a bar for a task and remove it at the end.

    Args:
        first: What happens before the first step is done.
    """
    width = console.width
    name = shortened(name, width // 3)
    bar_width = min(_WIDEST_BAR, width // 6)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        *([] if total is None else [BarColumn(bar_width=bar_width)]),
        TextColumn(
            "{task.fields[line]}", markup=False, table_column=Column(no_wrap=True, overflow="crop")
        ),
    )
    room = width - _SPINNER - len(name) - 1 - (0 if total is None else bar_width + 1)
    pace = Pace(total, unit)
    # Rows for a pipe must not be redirected to this terminal.
    with Progress(
        *columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty()
    ) as progress:
        line = fitting([first or pace.parts({})[0]], room)
        task = progress.add_task(name, total=total, line=line)

        class Bar:
            def advance(self, n: float = 1, **fields: object) -> None:
                pace.advance(n)
                progress.update(task, advance=n, line=fitting(pace.parts(fields), room))

        yield Bar()
