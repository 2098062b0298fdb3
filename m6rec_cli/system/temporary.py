"""Temporary folders that a killed process does not leave for ever: the next one removes them."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.locks import NO_LOCKS, lock_file

_PREFIX, _LOCK = "m6rec-tables-", ".lock"


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a folder of this user alone, which is removed at the end.

    Folders that killed processes of this user have left are removed, too.
    """
    _remove_dead_folders(Path(tempfile.gettempdir()))
    folder, fd = _locked_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if fd is not None:
            os.close(fd)


def require_room(folder: Path, n_events: int, n_bytes: int) -> None:
    """Raise if the disk of a temporary folder has no room for an event log of `n_bytes`.

    Raises:
        M6RecError: It has less.
    """
    free = shutil.disk_usage(folder).free
    if n_bytes > free:
        raise M6RecError(
            f"no room for the event log: {n_events:,} events take {n_bytes / 2**30:.1f} GiB in "
            f"the temporary folder, which has {free / 2**30:.1f} GiB left",
            where=str(folder.parent),
            hint="name a folder on a larger disk by the environment variable `TMPDIR`",
        )


def _locked_folder() -> tuple[Path, int | None]:
    """A new folder and its lock, which has none where the file system has no locks."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        try:
            return folder, lock_file(folder / _LOCK)
        except (FileNotFoundError, BlockingIOError):
            continue  # another process took it for a dead one between the two calls
        except OSError as error:
            if error.errno not in NO_LOCKS:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            (folder / _LOCK).unlink(missing_ok=True)
            return folder, None


def _remove_dead_folders(parent: Path) -> None:
    for folder in sorted(parent.glob(f"{_PREFIX}*")):
        try:
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            if not (folder / _LOCK).exists():
                continue  # its process is about to lock it, or there are no locks here
            fd = lock_file(folder / _LOCK)
        except OSError:  # its process lives, or the folder is gone meanwhile
            continue
        shutil.rmtree(folder, ignore_errors=True)
        os.close(fd)
