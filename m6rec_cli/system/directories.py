"""Outputs that are complete or absent: written beside their final path, fsynced, then renamed.

Every command writes through this module. A directory is complete if and only if it has its manifest
(`manifest.json` or `run.json`), since that file is written last.
"""

import errno
import glob
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.output_checks import WORK_PREFIX, refuse_nonempty

_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}
"""Error numbers of file systems that have no locks."""


def cache_folder() -> Path:
    """`$M6REC_CACHE_DIR`, else `m6rec` in the user's cache directory.

    A user without a home directory gets a folder in the system's temporary directory.
    """
    if "M6REC_CACHE_DIR" in os.environ:
        return Path(os.environ["M6REC_CACHE_DIR"])
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "m6rec"
    except RuntimeError:
        return Path(tempfile.gettempdir()) / f"m6rec-{os.getuid()}"


@contextmanager
def exclusive_lock(out: Path) -> Iterator[bool]:
    """Lock an output against other processes, and remove what killed ones left beside it.

    The system frees the lock of a process that dies.

    Yields:
        Whether the lock is held: some network file systems have no locks.

    Raises:
        M6RecError: Another process holds the lock.
    """
    from filelock import FileLock, Timeout  # late: 40 ms

    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    path = out.parent / f".{out.name}.lock"
    # Soft locks, the fallback, would outlive a killed process.
    lock = FileLock(path, blocking=False, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        raise M6RecError(
            "another m6rec process writes to the directory",
            where=str(out),
            hint="wait until it has ended, or choose another directory",
        ) from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    try:
        if lock.is_locked:
            remove_leftovers(out)
        yield lock.is_locked
    finally:
        # Before the release: a process that opened the file earlier then notices that it is gone.
        path.unlink(missing_ok=True)
        lock.release()


def remove_leftovers(out: Path) -> None:
    """Remove the unfinished directories of killed processes, and replaced ones that are obsolete.

    A replaced directory is kept where nothing stands at `out`: it may be the only copy.
    """
    for state in ("writing", "old") if out.exists() else ("writing",):
        for path in out.parent.glob(f".{glob.escape(out.name)}.{state}-[0-9]*"):
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def atomic_directory(
    out: Path, *, overwrite: bool = False, is_locked: bool = False
) -> Iterator[Path]:
    """Yield a new directory beside `out` that is renamed to `out` if the block succeeds.

    The directory that `out` named before is removed after the rename, never earlier. If `out` is a
    symbolic link, the link stays and its target is replaced.

    Args:
        is_locked: The caller holds the lock of `out` already.

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
    """Rename `work` to its sibling `out`, then remove the directory that `out` was before.

    The content of `work` has to be fsynced.
    """
    out = out.resolve()
    old = out.parent / f".{out.name}.old-{os.getpid()}"
    if out.exists():
        out.rename(old)
    work.rename(out)
    fsync_path(out.parent)
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def atomic_file(out: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a path beside `out`, with its suffixes, that is renamed to `out` if the block succeeds.

    Raises:
        M6RecError: The output exists without `overwrite`, or is a directory.
    """
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


def write_json(path: Path, value: object, *, overwrite: bool = True) -> None:
    """Write a JSON file atomically; keys keep their order."""
    with atomic_file(path, overwrite=overwrite) as work:
        work.write_text(
            json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n",
            encoding="utf-8",
        )


def read_json(path: Path, what: str) -> Any:
    """Read a JSON file.

    Args:
        what: Names the file in an error, for instance "the run's manifest".

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
            f"{what} is damaged: {error}", where=str(path), hint="create the directory again"
        ) from None


def fsync_path(path: Path) -> None:
    """Flush one file or one directory's entries to disk."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def fsync_tree(root: Path) -> None:
    """Flush every file and directory below `root` to disk."""
    for folder, _, files in os.walk(root, topdown=False):
        for name in files:
            fsync_path(Path(folder) / name)
        fsync_path(Path(folder))
