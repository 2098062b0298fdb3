"""Outputs that are whole or absent: written beside, flushed to disk, renamed.

Every command writes through this module. A directory is complete if and only if its manifest
(`manifest.json` or `run.json`) is there, since that file is written last.
"""

import fcntl
import glob
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from m6rec_cli.system.errors import M6RecError

MANIFESTS = ("manifest.json", "run.json")
_OURS = {
    *MANIFESTS,
    "config.toml",
    "features",
    "users.parquet",
    "items.parquet",
    "events",
    "media",
    "claim.json",
    "catalogue",
    "steps",
    "metrics.jsonl",
    "report.html",
    "report.json",
}
"""What lies at the top of a directory that a command has written: data, a run or a report."""
_MARKS = (*MANIFESTS, "claim.json", "report.json")
"""One of them says that a command has written the directory, or has begun to."""
WORK_PREFIX = ".writing-"
"""What the name of a file or folder begins with that is being written."""


def cache_folder() -> Path:
    """`$M6REC_CACHE_DIR`, else `m6rec` in the user's cache directory; for a user without a home the system's temporary folder."""
    if "M6REC_CACHE_DIR" in os.environ:
        return Path(os.environ["M6REC_CACHE_DIR"])
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "m6rec"
    except RuntimeError:
        return Path(tempfile.gettempdir()) / f"m6rec-{os.getuid()}"


def refuse_nonempty(out: Path, *, overwrite: bool, also: str = "") -> None:
    """Raise unless a directory may be written at `out`: it is absent or empty, or `overwrite` is set and all in it is ours.

    Raises:
        M6RecError: The output exists; `also` names one more way out for the hint.
    """
    if out.is_file():
        raise M6RecError(
            "the output is a file where a directory is wanted",
            where=str(out),
            hint="name a directory, or remove the file",
        )
    there = sorted(path.name for path in out.iterdir()) if out.is_dir() else []
    if there and not overwrite:
        hint = f"choose another `--out`, or pass `--overwrite`{also}"
        raise M6RecError("the output directory is not empty", where=str(out), hint=hint)
    if out.is_dir() and (os.path.ismount(out) or out.samefile(Path.cwd())):
        what = "a mount point" if os.path.ismount(out) else "the folder in which the command runs"
        raise M6RecError(
            f"the output is {what}, which no other directory can take the place of",
            where=str(out),
            hint="name a directory within it",
        )
    foreign = [name for name in there if name not in _OURS and not name.startswith(WORK_PREFIX)]
    if foreign or (there and not any((out / mark).exists() for mark in _MARKS)):
        raise M6RecError(
            "the output directory holds files that m6rec did not write, so `--overwrite` leaves it alone",
            where=str(out / foreign[0]) if foreign else str(out),
            hint="move them, or choose another `--out`",
        )


def refuse_input_as_output(out: Path, inputs: Iterable[Path]) -> None:
    """Raise if the output would take the place of what the command reads.

    Raises:
        M6RecError: The output is one of the inputs, or holds one.
    """
    place = out.resolve()
    for path in inputs:
        if place == path.resolve() or place in path.resolve().parents:
            raise M6RecError(
                f"the output would replace what is read, `{path}`",
                where=str(out),
                hint="choose another `--out`",
            )


def require_writable(out: Path) -> None:
    """Try the folder that the output will lie in, before any work.

    Raises:
        OSError: Nothing can be written there.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=out.parent, prefix=WORK_PREFIX):
        pass


@contextmanager
def exclusive_lock(out: Path) -> Iterator[bool]:
    """Nobody else writes to the directory meanwhile; a process that dies leaves it free, and what it had begun is swept away.

    Returns:
        Whether that is so: some network file systems have no locks.

    Raises:
        M6RecError: Another process writes there.
    """
    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    lock = out.parent / f".{out.name}.lock"
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_alone = True
            remove_leftovers(out)
        except BlockingIOError:
            raise M6RecError(
                "another m6rec writes to the directory",
                where=str(out),
                hint="wait until it has ended, or name another one",
            ) from None
        except OSError:
            is_alone = False
        try:
            yield is_alone
        finally:
            lock.unlink(missing_ok=True)


def remove_leftovers(out: Path) -> None:
    """Remove what killed processes had begun, and what they had replaced where something is in its place."""
    for left in ("writing", "old") if out.exists() else ("writing",):
        for path in out.parent.glob(f".{glob.escape(out.name)}.{left}-[0-9]*"):
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def atomic_directory(
    out: Path, *, overwrite: bool = False, is_locked: bool = False
) -> Iterator[Path]:
    """Yield a new directory beside `out` that takes its name when the block ends without an error.

    What stood at `out` before is removed after the new one is in place, never earlier. A symbolic link goes on naming
    what it named, which is replaced.

    Args:
        is_claimed: The caller has claimed `out` already.

    Raises:
        M6RecError: The output may not be replaced, or another process writes there.
    """
    refuse_nonempty(out, overwrite=overwrite)
    out = out.resolve()
    with nullcontext() if is_locked else exclusive_lock(out):
        work = out.parent / f".{out.name}.writing-{os.getpid()}"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        try:
            yield work
            fsync_tree(work)
            replace_directory(work, out)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def replace_directory(work: Path, out: Path) -> None:
    """Give a directory that is flushed to disk the place of another beside it, which is removed afterwards."""
    out = out.resolve()
    old = out.parent / f".{out.name}.old-{os.getpid()}"
    if out.exists():
        out.rename(old)
    work.rename(out)
    fsync_path(out.parent)
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def atomic_file(out: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a path beside `out`, with the same suffixes, that is renamed to `out` when the block ends."""
    if out.exists() and not overwrite:
        raise M6RecError(
            "the output exists", where=str(out), hint="pass `--overwrite` to replace it"
        )
    if out.is_dir():
        raise M6RecError(
            "the output is a directory where a file is wanted", where=str(out), hint="name a file"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    work = out.parent / f"{WORK_PREFIX}{os.getpid()}-{out.name}"
    try:
        yield work
        fsync_path(work)
        work.replace(out)
        fsync_path(out.parent)
    finally:
        work.unlink(missing_ok=True)


def write_json(path: Path, value: Any, *, overwrite: bool = True) -> None:
    """Write JSON whole or not at all: sorted keys are not forced, so that the order tells a story."""
    with atomic_file(path, overwrite=overwrite) as work:
        work.write_text(
            json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n",
            encoding="utf-8",
        )


def read_json(path: Path, what: str) -> Any:
    """Read JSON; `what` says in an error what the file is, for instance `a data directory's manifest`.

    Raises:
        M6RecError: The file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise M6RecError(
            f"{what} is missing",
            where=str(path),
            hint="was the command that writes it interrupted?",
        ) from None
    except (ValueError, UnicodeDecodeError) as error:
        raise M6RecError(
            f"{what} is damaged: {error}", where=str(path), hint="make the directory again"
        ) from None


def fsync_path(path: Path) -> None:
    """Flush one file's or directory's content to disk."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def fsync_tree(root: Path) -> None:
    """Flush every file and directory below `root`."""
    for folder, _, files in os.walk(root, topdown=False):
        for name in files:
            fsync_path(Path(folder) / name)
        fsync_path(Path(folder))
