"""Trials one after the other until the time, their number or the space runs out."""

import time
from contextlib import ExitStack
from dataclasses import dataclass

from m6rec_cli.system import signals
from m6rec_cli.system.errors import M6RecError, Terminated
from m6rec_cli.system.locks import exclusive_lock, waiting_lock
from m6rec_cli.system.progress import Reporter
from m6rec_cli.tuning import trial_lines
from m6rec_cli.tuning.search_directory import SearchJob, write_results
from m6rec_cli.tuning.study import RunningTrial, Study
from m6rec_cli.tuning.trial_records import TrialRecord
from m6rec_cli.tuning.trial_reporter import TrialReporter
from m6rec_cli.tuning.trial_training import train_trial


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When a process begins no further trial.

    Attributes:
        deadline: On the clock of `time.monotonic`; None without a time limit.
        max_trials: Trials of the search, by all processes together; None for any number.
    """

    deadline: float | None = None
    max_trials: int | None = None

    @property
    def seconds_left(self) -> float | None:
        """The time until the deadline, at least a moment; None without one."""
        return None if self.deadline is None else max(1e-3, self.deadline - time.monotonic())

    def allow_new(self, records: list[TrialRecord]) -> bool:
        """Whether there may be another trial, which has the time of the longest one so far."""
        if self.max_trials is not None and len(records) >= self.max_trials:
            return False
        longest = max((r.seconds for r in records if r.state == "finished"), default=0.0)
        return self.deadline is None or time.monotonic() + longest < self.deadline


def search(job: SearchJob, study: Study, limits: Limits, report: Reporter) -> None:
    """Train trials until a limit is reached; interrupted ones first.

    Raises:
        Terminated: A signal arrived; the trial under way is saved.
    """
    with waiting_lock(job.study):
        write_results(job, study.records())
    trial_lines.report_heading(report)
    warnings: set[str] = set()
    while True:
        signals.check_stop()
        with ExitStack() as claim:
            trial = _next_trial(job, study, limits, claim)
            if trial is None:
                return
            is_late = False
            try:
                trial_report = TrialReporter(report, f"trial {trial.number}", warnings)
                seconds = limits.seconds_left
                train_trial(job, study, trial, trial_report, max_seconds=seconds)
            except Terminated as end:
                with waiting_lock(job.study):
                    write_results(job, study.records())
                is_late = end.exit_code == signals.TIME_IS_UP
                if not is_late:
                    raise
            report.close()
            trial_lines.report_trial(trial.number, study.records(), report)
            if is_late:
                return


def _next_trial(
    job: SearchJob, study: Study, limits: Limits, claim: ExitStack
) -> RunningTrial | None:
    """An interrupted trial, or a new one; None if a limit is reached.

    Args:
        claim: Holds the trial against other processes.
    """
    with waiting_lock(job.study):
        records = study.records()
        for record in records:
            if record.state != "unfinished" or not _is_in_time(limits):
                continue
            try:
                claim.enter_context(exclusive_lock(job.claim(record.number)))
            except M6RecError:
                continue  # another process is at work on it
            return study.resume(record.number)
        if not (limits.allow_new(records) and study.has_untried()):
            return None
        trial = study.ask(job.default)
        if trial is not None:
            claim.enter_context(exclusive_lock(job.claim(trial.number)))
        return trial


def _is_in_time(limits: Limits) -> bool:
    return limits.deadline is None or time.monotonic() < limits.deadline
