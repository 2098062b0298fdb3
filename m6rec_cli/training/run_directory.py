"""What a training command asks for, and whose output directory it is: a new one's, or that of a run to resume.

A finished run that is to be overwritten stays where it is until the new one, which is trained beside it, is finished.
"""

import shutil
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from m6rec_cli.config.resolve import flatten, resolve, to_toml
from m6rec_cli.config.settings import Config
from m6rec_cli.data.store import Dataset
from m6rec_cli.system import process_group, signals
from m6rec_cli.system.checkpoints import CONFIG, RUN
from m6rec_cli.system.directories import (
    atomic_directory,
    exclusive_lock,
    read_json,
    refuse_input_as_output,
    refuse_nonempty,
    remove_leftovers,
    replace_directory,
    write_json,
)
from m6rec_cli.system.errors import M6RecError, UsageError
from m6rec_cli.system.progress import Reporter

CLAIM = "claim.json"
MAY_CHANGE = {"train.data_parallel", "train.model_parallel", "train.checkpoint_seconds"}
"""Keys that may change when a run is resumed."""


@dataclass(frozen=True)
class TrainingJob:
    """What a training command asks for.

    Attributes:
        out: Where the run is written.
        also: Further data directories, beside `data`.
        replaces: Where it goes once it is finished, in place of the finished run there.
    """

    stage: str
    data: Path
    out: Path
    config: Config
    resume: bool = False
    overwrite: bool = False
    parent: Path | None = None
    also: tuple[Path, ...] = ()
    profile: Path | None = None
    replaces: Path | None = None

    @property
    def place(self) -> Path:
        """Where the finished run is found: what the user has named."""
        return self.replaces or self.out


def placed(request: TrainingJob) -> TrainingJob:
    """The request with `out` beside the finished run that it is to replace, if there is one; nothing is written."""
    beside = _beside(request.out)
    begun = request.resume and (beside / CONFIG).exists()
    if begun or (request.overwrite and not request.resume and (request.out / RUN).exists()):
        return replace(request, out=beside, replaces=request.out)
    return request


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Lock the output for the process group, after cleaning up what a killed process left there.

    Raises:
        M6RecError: Another process writes there.
    """
    with ExitStack() as stack:
        with process_group.first_process_writes() as may_write:
            # Without file locks another process may be at work there: clean up nothing.
            if may_write and stack.enter_context(exclusive_lock(out)):
                recover(out)
        yield


def recover(out: Path) -> None:
    """Tidy up after a process that was killed: a run that was finished gets its place if the old one was taken away already."""
    remove_leftovers(_beside(out))
    if not out.exists() and (_beside(out) / RUN).exists():
        replace_directory(_beside(out), out)


def take_place(request: TrainingJob) -> None:
    """Let a finished run take the place of the one that it replaces.

    Raises:
        M6RecError: Somebody has written into that one meanwhile, and would lose it.
    """
    if not request.replaces:
        return
    try:
        refuse_nonempty(request.replaces, overwrite=True)
    except M6RecError as refused:
        raise M6RecError(
            f"the run is finished and lies in `{request.out}`: somebody has written into the one whose place it is to take",
            where=refused.where,
            hint="move these files, then the same command with `--resume` in place of `--overwrite`",
        ) from None
    with signals.deferred_stop():
        replace_directory(request.out, request.replaces)


def _beside(out: Path) -> Path:
    out = out.resolve()
    return out.parent / f".{out.name}.next"


def resumes(request: TrainingJob, data: Dataset) -> bool:
    """Whether a run goes on in the output directory; nothing is written yet."""
    out, place = request.out, request.place
    if request.profile is not None and place.resolve() in (
        request.profile.resolve(),
        *request.profile.resolve().parents,
    ):
        raise UsageError(
            "`--profile` lies in `--out`, which holds what a run is made of and nothing else",
            hint="name a folder elsewhere",
        )
    refuse_input_as_output(
        place, [request.data, *request.also, *([request.parent] if request.parent else [])]
    )
    if not (request.resume and (out / CONFIG).exists()):
        refuse_nonempty(place, overwrite=request.overwrite, also=", or go on with `--resume`")
        refuse_nonempty(_beside(place), overwrite=True)
        return False
    # A key that the run's file has not yet, since an older version wrote it, has its default.
    old = resolve(file=out / CONFIG)
    before, now = (flatten(tomllib.loads(to_toml(config))) for config in (old, request.config))
    for key in now:
        if key not in MAY_CHANGE and before.get(key) != now[key]:
            raise M6RecError(
                f"the configuration differs from that of the run to resume: `{key}` is {now[key]}, there it is {before.get(key)}",
                where=str(out / CONFIG),
                hint="pass the same settings, or start anew with another `--out`, or with `--overwrite` and without `--resume`",
            )
    claim = read_json(out / CLAIM, "the run's claim")
    if claim != _claim(request, data):
        raise M6RecError(
            "the run to resume was started on other data or by another command",
            where=str(out),
            hint="start anew with another `--out`, or with `--overwrite` and without `--resume`",
        )
    return True


def _claim(request: TrainingJob, data: Dataset) -> dict[str, Any]:
    """What makes a run the same run: its stage, its data, its parent."""
    parent = (
        read_json(request.parent / RUN, "the parent run's manifest") if request.parent else None
    )
    return {
        "stage": request.stage,
        "data": list(data.manifest.fingerprints),
        "parent": parent and {k: parent[k] for k in ("data_fingerprints", "best", "steps")},
    }


def create(request: TrainingJob, data: Dataset, report: Reporter) -> None:
    """Start the run directory, once everything that can be refused is known to be good."""
    if request.resume:
        report.note("nothing to resume: the run starts anew")
    if request.replaces:
        report.note("the run that is there stays until this one is finished")
    elif (begun := _beside(request.out)).exists():
        report.note(f"what was begun in `{begun}` is given up")  # and no `--resume` is to find it
        shutil.rmtree(begun)
    with atomic_directory(request.out, overwrite=True, is_locked=True) as work:
        shutil.copytree(data.path / "features", work / "features")
        write_json(work / CLAIM, _claim(request, data))
        (work / CONFIG).write_text(to_toml(request.config), encoding="utf-8")
