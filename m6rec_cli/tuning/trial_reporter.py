"""The reports of one trial's training, in short: progress and new warnings, no epochs."""

from collections.abc import Sequence
from contextlib import AbstractContextManager

from m6rec_cli.system.progress import (
    PLAIN_TABLE,
    EventName,
    ProgressTask,
    Reporter,
    TableStyle,
)


class TrialReporter:
    """Passes on what a person wants to see of a trial among many."""

    def __init__(self, report: Reporter, name: str, known: set[str]) -> None:
        """Report a trial.

        Args:
            name: Of the trial, such as `trial 3`.
            known: Warnings of earlier trials; they are not repeated.
        """
        self._report, self._name, self._known = report, name, known

    @property
    def width(self) -> int | None:
        """See `Reporter`."""
        return self._report.width

    def note(self, text: str) -> None:
        """Show nothing."""

    def warn(self, text: str) -> None:
        """Pass on a new warning."""
        if text not in self._known:
            self._known.add(text)
            self._report.warn(f"{self._name}: {text}")

    def event(self, name: EventName, text: str, **facts: object) -> None:
        """Show nothing."""

    def table(
        self,
        title: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[object]],
        style: TableStyle = PLAIN_TABLE,
    ) -> None:
        """Show nothing."""

    def task(
        self, name: str, total: float | None = None, unit: str = "", first: str = ""
    ) -> AbstractContextManager[ProgressTask]:
        """Pass the progress on, under the name of the trial."""
        return self._report.task(self._name, total, unit, first)

    def status(self, text: str) -> None:
        """Pass on what the training does now."""
        self._report.status(f"{self._name}: {text}")

    def close(self) -> None:
        """The command closes its reporter itself."""
