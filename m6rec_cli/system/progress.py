"""What a stage reports while it works: notes, warnings, tables and progress."""

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Summary = dict[str, Any]
"""The JSON object that a stage returns; the command prints it on stdout."""


@dataclass(frozen=True, kw_only=True)
class TableStyle:
    """How a table is drawn on a terminal.

    Attributes:
        names: The number of first columns that hold names: too long ones lose their beginning.
        side: Columns that are left out where the width is short, the first of them first.
        best: Cells that are bold, as index of row and column.
    """

    names: int = 0
    side: Sequence[str] = ()
    best: Collection[tuple[int, int]] = ()


EventName = Literal[
    "status",
    "progress",
    "model",
    "training",
    "epoch",
    "search",
    "trial",
    "verdict",
    "done",
    "next",
]
"""What `Reporter.event` reports. The guide `logs` says what keys each has."""
PLAIN_TABLE = TableStyle()


class ProgressTask(Protocol):
    """One piece of work in progress."""

    def advance(self, n: float = 1, **fields: object) -> None:
        """Count `n` more units as done; `fields` are the latest figures (loss=..., ndcg=...)."""
        ...


class Reporter(Protocol):
    """Receives a stage's reports; the ones for terminals are in `cli/console.py`."""

    @property
    def width(self) -> int | None:
        """Columns that a line has room for; None if it may have any length."""
        ...

    def note(self, text: str) -> None:
        """Report one line of information."""
        ...

    def warn(self, text: str) -> None:
        """Report something that the user should check; the stage continues."""
        ...

    def event(self, name: EventName, text: str, **facts: object) -> None:
        """Report something that programs tell by its name: a line of text, and its facts."""
        ...

    def table(
        self,
        title: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[object]],
        style: TableStyle = PLAIN_TABLE,
    ) -> None:
        """Report a small table."""
        ...

    def task(
        self, name: str, total: float | None = None, unit: str = "", first: str = ""
    ) -> AbstractContextManager[ProgressTask]:
        """Yield a task that reports its progress.

        Args:
            total: None if it is unknown.
            first: What happens before the first step is done, such as `compiling()`.
        """
        ...

    def status(self, text: str) -> None:
        """Report what the command does now, until it reports something else."""
        ...

    def close(self) -> None:
        """Remove what is drawn, such as the status; the command calls it at the end."""
        ...


class _SilentTask:
    def advance(self, n: float = 1, **fields: object) -> None:
        """Show nothing."""


class SilentReporter:
    """A reporter that shows nothing and keeps notes and warnings in lists."""

    width: int | None = None

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def note(self, text: str) -> None:
        """Keep the note."""
        self.notes.append(text)

    def warn(self, text: str) -> None:
        """Keep the warning."""
        self.warnings.append(text)

    def event(self, name: EventName, text: str, **facts: object) -> None:
        """Keep the text among the notes."""
        self.notes.append(text)

    def table(
        self,
        title: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[object]],
        style: TableStyle = PLAIN_TABLE,
    ) -> None:
        """Keep the title among the notes."""
        self.notes.append(title)

    @contextmanager
    def task(
        self, name: str, total: float | None = None, unit: str = "", first: str = ""
    ) -> Iterator[ProgressTask]:
        """Yield a task that shows nothing."""
        yield _SilentTask()

    def status(self, text: str) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Nothing is drawn."""


def compiling() -> str:
    """The first step of what JAX computes, in words."""
    is_kept = os.environ.get("JAX_ENABLE_COMPILATION_CACHE", "").lower() not in ("false", "0")
    return "compiling, kept for later runs" if is_kept else "compiling"
