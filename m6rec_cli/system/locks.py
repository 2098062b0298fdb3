"""Locks on files: one writer of an output at a time, and no lock outlives its process.

A lock is `flock` on a file. Its holder removes the file before the release, so a process that had
opened the file earlier may get a lock on a file that is gone. It compares inodes and tries again:
the lock counts only if it is on the file that now has the name.
"""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from m6rec_cli.system import replacement
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import Reporter

NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}
"""Error numbers of file systems that have no locks."""
_TRY_SECONDS = 0.05
"""Between two tries for a lock that another process holds."""


def lock_file(path: Path) -> int:
    """Create a file if it is missing, and lock it.

    Returns:
        A file descriptor that holds the lock until it is closed.

    Raises:
        BlockingIOError: Another process holds the lock.
        OSError: The file cannot be made, or its file system has no locks (`NO_LOCKS`).
    """
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_named(fd, path):
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def _is_named(fd: int, path: Path) -> bool:
    """Whether the path still names the open file."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def exclusive_lock(out: Path, report: Reporter | None = None) -> Iterator[bool]:
    """Lock an output against other processes, and clean up what killed ones left beside it.

    Args:
        report: Warned where the file system has no locks.

    Yields:
        Whether the lock is held: some network file systems have no locks.

    Raises:
        M6RecError: Another process holds the lock.
    """
    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    path = out.parent / f".{out.name}.lock"
    try:
        fd = lock_file(path)
    except BlockingIOError:
        raise M6RecError(
            "another m6rec process writes to the directory",
            where=str(out),
            hint="wait until it has ended, or choose another directory",
        ) from None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        path.unlink(missing_ok=True)
        if report is not None:
            report.warn(
                f"the file system of `{out.parent}` has no locks ({error.strerror}): make sure "
                f"that no other m6rec command writes to `{out.name}` meanwhile"
            )
        yield False
        return
    try:
        replacement.recover(out)
        yield True
    finally:
        path.unlink(missing_ok=True)  # before the release, see above
        os.close(fd)


@contextmanager
def waiting_lock(out: Path, seconds: float = 60.0) -> Iterator[bool]:
    """As `exclusive_lock`, but wait for the other process.

    Raises:
        M6RecError: It still holds the lock after `seconds`.
    """
    last_try = time.monotonic() + seconds
    with ExitStack() as stack:
        while True:
            try:
                is_held = stack.enter_context(exclusive_lock(out))
                break
            except M6RecError:
                if time.monotonic() >= last_try:
                    raise
            time.sleep(_TRY_SECONDS)
        yield is_held


def wait_for_replacement(out: Path) -> None:
    """Complete the replacement of a directory that a killed process left half done; for readers.

    Only file systems that cannot exchange two directories need it.
    """
    if out.exists() or not replacement.is_unfinished(out):
        return
    try:
        with exclusive_lock(out):
            return  # the lock has completed it
    except (M6RecError, OSError):
        return  # a living process completes it, or this one may not: the reader finds what is there
