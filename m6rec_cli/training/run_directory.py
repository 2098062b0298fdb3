"""A training job to its run directory: a new one, or that of an interrupted run to resume.

With `--overwrite` the finished run stays in place until the new one, trained in a directory beside
it, is finished.
"""

import math
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from m6rec_cli.config.resolve import flatten, resolve
from m6rec_cli.config.settings import Config
from m6rec_cli.config.toml_text import to_toml
from m6rec_cli.data.store import Dataset
from m6rec_cli.system import digests, process_group, replacement, signals
from m6rec_cli.system.directories import atomic_directory, atomic_file
from m6rec_cli.system.errors import M6RecError, UsageError
from m6rec_cli.system.locks import exclusive_lock
from m6rec_cli.system.output_checks import refuse_input_as_output, refuse_nonempty
from m6rec_cli.system.progress import Reporter
from m6rec_cli.system.replacement import replace_directory
from m6rec_cli.system.run_manifest import CONFIG, RUN
from m6rec_cli.system.work_files import remove_dead_files
from m6rec_cli.training.run_origin import RunOrigin

MAY_CHANGE = {"train.data_parallel", "train.model_parallel", "train.checkpoint_seconds"}
"""Keys that may change when a run is resumed."""
LIMITS = ("train.epochs", "train.patience", "train.max_steps")
"""Keys that may grow when a run is resumed: it then trains on."""


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """A training command: its inputs, settings and output.

    Attributes:
        data: Data directories, one for each domain.
        out: Run directory to write.
        labelled_only: Learn from labelled events only.
        parent: Run that fine-tuning starts from.
        refit_of: Run whose training is repeated on its training and validation events.
        profile: Folder for a profiler trace.
        tensorboard: Folder for an event file.
        max_seconds: Time after which training stops, to be resumed; None for no limit.
        replaces: The finished run whose place `out` takes when the training is finished.
    """

    stage: str
    data: tuple[Path, ...]
    out: Path
    config: Config
    labelled_only: bool = False
    resume: bool = False
    overwrite: bool = False
    parent: Path | None = None
    refit_of: Path | None = None
    profile: Path | None = None
    tensorboard: Path | None = None
    max_seconds: float | None = None
    replaces: Path | None = None

    @property
    def final_out(self) -> Path:
        """Where the finished run lies: the user's `--out`."""
        return self.replaces or self.out

    @property
    def earlier_run(self) -> Path | None:
        """The run that the new one starts from or repeats."""
        return self.parent or self.refit_of

    @property
    def inputs(self) -> tuple[Path, ...]:
        """All directories that the job reads."""
        return (*self.data, *([self.earlier_run] if self.earlier_run else []))


def with_staging(job: TrainingJob) -> TrainingJob:
    """The job, with the staging directory as `out` if it replaces a finished run."""
    staging = staging_of(job.out)
    resumes_staged = job.resume and (staging / CONFIG).exists()
    replaces_run = job.overwrite and not job.resume and (job.out / RUN).exists()
    if resumes_staged or replaces_run:
        return replace(job, out=staging, replaces=job.out)
    return job


@contextmanager
def locked(out: Path, report: Reporter) -> Iterator[None]:
    """Lock the output for the process group, after cleaning up what a killed process left there.

    Raises:
        M6RecError: Another process writes there.
    """
    with ExitStack() as stack:
        with process_group.first_process_writes() as may_write:
            # Without file locks another process may be at work there: clean up nothing.
            if may_write and stack.enter_context(exclusive_lock(out, report)):
                recover(out)
        yield


def recover(out: Path) -> None:
    """Clean up after a killed process, and complete a replacement that it had begun."""
    replacement.recover(staging_of(out).resolve())
    for folder in (out, staging_of(out)):
        remove_dead_files(folder)
    if not out.exists() and (staging_of(out) / RUN).exists():
        replace_directory(staging_of(out), out)


def replace_old_run(job: TrainingJob) -> None:
    """Move a finished run from the staging directory to its place, if it replaces another run.

    Raises:
        M6RecError: The old run now holds foreign files, which would be lost.
    """
    if not job.replaces:
        return
    try:
        refuse_nonempty(job.replaces, kind="run", overwrite=True)
    except M6RecError as refused:
        raise M6RecError(
            f"the new run is finished, but stays in `{job.out}`: the run to replace "
            "holds new foreign files",
            where=refused.where,
            hint="move these files, then run the same command with `--resume` "
            "in place of `--overwrite`",
        ) from None
    with signals.deferred_stop():
        replace_directory(job.out, job.replaces)


def staging_of(out: Path) -> Path:
    """The directory beside `out` in which a run is trained that replaces `out`."""
    out = out.resolve()
    return out.parent / f".{out.name}.next"


def is_resumable(job: TrainingJob, data: Dataset) -> bool:
    """Whether the output directory holds an interrupted run of this job; nothing is written.

    Raises:
        UsageError: `--profile` or `--tensorboard` lies in the output directory.
        M6RecError: The output directory is not free, or its run has another configuration or
            origin.
    """
    out, final_out = job.out, job.final_out
    for flag, folder in (("--profile", job.profile), ("--tensorboard", job.tensorboard)):
        if folder and final_out.resolve() in (folder.resolve(), *folder.resolve().parents):
            raise UsageError(
                f"`{flag}` lies in `--out`, which holds the files of the run alone",
                hint="name a folder elsewhere",
            )
    refuse_input_as_output(final_out, job.inputs)
    if not (job.resume and (out / CONFIG).exists()):
        refuse_nonempty(
            final_out,
            kind="run",
            overwrite=job.overwrite,
            also=", or continue with `--resume`",
        )
        refuse_nonempty(staging_of(final_out), kind="run", overwrite=True)
        return False
    _require_same_config(job)
    if RunOrigin.read(out) != _origin(job, data):
        raise M6RecError(
            "the run to resume was started on other data or by another command",
            where=str(out),
            hint="start again with another `--out`, or with `--overwrite` and without `--resume`",
        )
    return True


def require_intact(job: TrainingJob, data: Dataset) -> None:
    """Raise unless the directory still has the configuration and the feature state of its start.

    Training may last for days, and the manifest that follows vouches for these files.

    Raises:
        M6RecError: Names the file.
    """
    _require_same_config(job)
    for name in data.files.names("features"):
        path = job.out / name
        if not path.exists() or digests.of_file(path) != data.files.files[name]:
            raise M6RecError(
                "a file of the run was changed or removed during training",
                where=str(path),
                hint=f"copy it from `{data.path / name}`, then use `--resume`",
            )


def _require_same_config(job: TrainingJob) -> None:
    # A key that the file lacks, since an older version wrote it, has its default.
    old = resolve(file=job.out / CONFIG)
    before, now = (flatten(tomllib.loads(to_toml(config))) for config in (old, job.config))
    for key in now:
        if key in MAY_CHANGE or is_larger(key, before.get(key), now[key]):
            continue
        if before.get(key) != now[key]:
            raise M6RecError(
                f"the configuration differs from that of the run to resume: `{key}` is {now[key]}, "
                f"there it is {before.get(key)}",
                where=str(job.out / CONFIG),
                hint="pass the same settings, or start again with another `--out`, or with "
                "`--overwrite` and without `--resume`",
            )


def is_larger(key: str, before: object, now: object) -> bool:
    """Whether a key is a limit, and one value of it allows more training than another."""
    if key not in LIMITS or not isinstance(before, int | float):
        return False
    # `train.max_steps=0` sets no limit.
    return isinstance(now, int | float) and (now or math.inf) > (before or math.inf)


def create(job: TrainingJob, data: Dataset, report: Reporter) -> None:
    """Write a new run directory with its configuration, origin and feature state.

    Call it after every check that can refuse the job.
    """
    if job.resume:
        report.note("nothing to resume: training starts from the beginning")
    if job.replaces:
        report.note("the old run stays in place until the new one is finished")
    elif (staging := staging_of(job.out)).exists():
        report.note(f"the unfinished run in `{staging}` is removed")  # `--resume` must not find it
        shutil.rmtree(staging)
    with atomic_directory(job.out, kind="run", overwrite=True, is_locked=True) as work:
        (work / "features").mkdir()
        for name in data.files.names("features"):
            data.files.copy(name, work / name)
        _origin(job, data).write(work)
        (work / CONFIG).write_text(to_toml(job.config), encoding="utf-8")


def write_config(job: TrainingJob) -> None:
    """Write the configuration of a run that is resumed."""
    with atomic_file(job.out / CONFIG, overwrite=True) as work:
        work.write_text(to_toml(job.config), encoding="utf-8")


def _origin(job: TrainingJob, data: Dataset) -> RunOrigin:
    return RunOrigin.of(job.stage, data.manifest.fingerprints, job.earlier_run)
