"""Signals and the time limit to whether training stops before its end."""

import time

from m6rec_cli.system import process_group, signals
from m6rec_cli.system.errors import Terminated
from m6rec_cli.system.progress import Reporter


class StopCondition:
    """Whether training has to stop after the running step; the same in all processes."""

    def __init__(self, max_seconds: float | None):
        """The time limit counts from now; None for no limit."""
        self._deadline = None if max_seconds is None else time.monotonic() + max_seconds
        self._is_late = False

    def is_met(self) -> bool:
        """Whether a signal has arrived or the time is up; all processes call this together."""
        if process_group.sum_over_processes(signals.stop_requested()):
            return True
        if self._deadline is not None:
            late = time.monotonic() >= self._deadline
            self._is_late = bool(process_group.sum_over_processes(late))
        return self._is_late

    def end(self, step: int, report: Reporter) -> None:
        """Say how to go on, and end the command whose state is saved.

        Raises:
            Terminated: Always, with the exit code that says why.
        """
        at = f"saved at step {step:,}" if step else "stopped before the first step"
        report.note(f"{at}: continue with the same command and `--resume`")
        signals.stop_if_requested()
        # Without a signal of its own and with time left, the signal went to another process.
        raise Terminated(signals.TIME_IS_UP if self._is_late else 143)
