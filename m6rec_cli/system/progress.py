"""What a stage reports while it works: notes, warnings, tables and progress."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

Summary = dict[str, Any]
"""The JSON object that a stage returns; the command prints it on stdout."""


class ProgressTask(Protocol):
    """One piece of work in progress."""

    def advance(self, n: float = 1, **fields: object) -> None:
        """Count `n` more units as done; `fields` are the latest figures (loss=..., ndcg=...)."""
        ...


class Reporter(Protocol):
    """Receives a stage's reports; the ones for terminals are in `cli/console.py`."""

    def note(self, text: str) -> None:
        """Report one line of information."""
        ...

    def warn(self, text: str) -> None:
        """Report something that the user should check; the stage continues."""
        ...

    def event(self, name: str, text: str, **facts: object) -> None:
        """Report something that programs tell by its name: a line of text, and its facts."""
        ...

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Report a small table."""
        ...

    def task(
        self, name: str, total: float | None = None, unit: str = ""
    ) -> AbstractContextManager[ProgressTask]:
        """Yield a task that reports its progress; `total=None` if the total is unknown."""
        ...


class _SilentTask:
    def advance(self, n: float = 1, **fields: object) -> None:
        """Show nothing."""


class SilentReporter:
    """A reporter that shows nothing and keeps notes and warnings in lists."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def note(self, text: str) -> None:
        """Keep the note."""
        self.notes.append(text)

    def warn(self, text: str) -> None:
        """Keep the warning."""
        self.warnings.append(text)

    def event(self, name: str, text: str, **facts: object) -> None:
        """Keep the text among the notes."""
        self.notes.append(text)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Keep the title among the notes."""
        self.notes.append(title)

    @contextmanager
    def task(self, name: str, total: float | None = None, unit: str = "") -> Iterator[ProgressTask]:
        """Yield a task that shows nothing."""
        yield _SilentTask()
