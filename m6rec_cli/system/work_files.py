"""Files while they are written: locked by their writer, so that a killed writer's can be told."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from m6rec_cli.system.locks import NO_LOCKS, lock_file

WORK_PREFIX = ".writing-"
"""Prefix of the name of a file or folder while it is being written."""
_NAME = re.compile(rf"{re.escape(WORK_PREFIX)}\d+-.")
_PARTS = ".parts"


@contextmanager
def work_file(out: Path) -> Iterator[Path]:
    """Yield an empty file beside `out`, with its suffixes; it is removed unless it was renamed."""
    work = out.parent / f"{WORK_PREFIX}{os.getpid()}-{out.name}"
    fd = _locked(work)
    try:
        os.ftruncate(fd, 0)  # a killed process with this number may have left it
        yield work
    finally:
        shutil.rmtree(parts_folder(work), ignore_errors=True)
        work.unlink(missing_ok=True)
        os.close(fd)


def parts_folder(work: Path) -> Path:
    """The folder beside a work file for its parts; it is removed with the file."""
    return work.with_name(work.name + _PARTS)


def remove_dead_files(folder: Path) -> None:
    """Remove the work files of killed processes in a folder; those of living ones are locked."""
    if not folder.is_dir():
        return
    for work in sorted(folder.iterdir()):
        if not _NAME.match(work.name) or work.is_symlink() or not work.is_file():
            continue
        try:
            fd = lock_file(work)
        except OSError:  # its writer lives; or the file is another user's, or there are no locks
            continue
        shutil.rmtree(parts_folder(work), ignore_errors=True)
        work.unlink(missing_ok=True)
        os.close(fd)


def _locked(work: Path) -> int:
    try:
        return lock_file(work)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        return os.open(work, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
