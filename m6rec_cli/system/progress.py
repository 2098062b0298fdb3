"""What a stage tells while it works: notes, warnings, tables and progress, with no terminal in sight."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

Summary = dict[str, Any]
"""The JSON object that a stage returns; the command prints it on stdout."""


class ProgressTask(Protocol):
    """One piece of work under way."""

    def advance(self, n: float = 1, **fields: Any) -> None:
        """Count `n` more units done; `fields` are shown beside the bar (loss=..., ndcg=...)."""
        ...


class Reporter(Protocol):
    """Where a stage speaks to; `cli/console.py` has the terminal's, tests use `Silent`."""

    def note(self, text: str) -> None:
        """One line of information."""
        ...

    def warn(self, text: str) -> None:
        """Something that the user should look at; the stage goes on."""
        ...

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """A small table for people."""
        ...

    def task(
        self, name: str, total: float | None = None, unit: str = ""
    ) -> AbstractContextManager[ProgressTask]:
        """A context manager that yields a `Task`; `total=None` if it is not known."""
        ...


class _SilentTask:
    def advance(self, n: float = 1, **fields: Any) -> None:
        """Nothing is shown."""


class SilentReporter:
    """A reporter that keeps warnings and notes in lists and shows nothing."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def note(self, text: str) -> None:
        """Keep the note."""
        self.notes.append(text)

    def warn(self, text: str) -> None:
        """Keep the warning."""
        self.warnings.append(text)

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Keep the title."""
        self.notes.append(title)

    @contextmanager
    def task(self, name: str, total: float | None = None, unit: str = "") -> Iterator[ProgressTask]:
        """A task that shows nothing."""
        yield _SilentTask()
