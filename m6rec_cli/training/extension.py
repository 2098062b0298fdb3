"""A finished run and larger limits to a copy of the run that trains on."""

import shutil
from dataclasses import asdict, replace

from m6rec_cli.config.resolve import flatten, resolve
from m6rec_cli.system.checkpoints import StepCheckpoints
from m6rec_cli.system.directories import atomic_directory
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import Reporter
from m6rec_cli.system.run_manifest import CONFIG, RUN
from m6rec_cli.training import checkpointing
from m6rec_cli.training.run_directory import LIMITS, TrainingJob, is_larger, staging_of


def asks_for_more(job: TrainingJob) -> bool:
    """Whether a job that resumes a run has larger limits than the run was trained with.

    Raises:
        M6RecError: Validation stopped the finished run, and it would stop it again.
    """
    before, now = (flatten(asdict(x)) for x in (resolve(file=job.out / CONFIG), job.config))
    if not any(is_larger(key, before[key], now[key]) for key in LIMITS):
        return False
    steps = StepCheckpoints(job.out / "steps")
    last = checkpointing.last_resumable_step(steps)
    stale = 0 if last is None else checkpointing.loop_state_of(steps, last).epochs_without_gain
    if stale >= job.config.train.patience:
        raise M6RecError(
            f"validation ended this run after {stale} epochs without a better one, and would end "
            "it again at once",
            where=str(job.out),
            hint=f"raise `train.patience` above {stale}, too",
        )
    return True


def begin(job: TrainingJob, report: Reporter, *, may_write: bool) -> TrainingJob:
    """Copy a finished run beside it, as unfinished, and return the job that continues there."""
    report.note("the run is finished and trains on; it stays in place until the longer one is")
    extended = replace(job, out=staging_of(job.out), replaces=job.out)
    if may_write:
        with atomic_directory(extended.out, kind="run", overwrite=True, is_locked=True) as work:
            shutil.copytree(
                job.out, work, dirs_exist_ok=True, ignore=shutil.ignore_patterns(RUN, "catalogue")
            )
    return extended
