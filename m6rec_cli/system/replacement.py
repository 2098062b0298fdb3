"""A finished directory to the place of the old one, so that a kill at any moment loses neither.

Linux exchanges the two names in one step. Elsewhere two renames are needed; between them nothing
has the name, and the next command that opens or writes it completes the second rename.

The new directory waits as `.OUT.new-INODE`. After an exchange that name holds the old directory,
whose inode is another: so the name tells whether the replacement is still to be done.
"""

import ctypes
import errno
import glob
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_CANNOT_EXCHANGE = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EXDEV}


def replace_directory(work: Path, out: Path) -> None:
    """Put `work` in the place of its sibling `out`, then remove what `out` was before.

    The content of `work` has to be fsynced.
    """
    out = out.resolve()
    new = out.parent / f".{out.name}.new-{work.stat().st_ino}"
    work.rename(new)
    _put(new, out)


def recover(out: Path) -> None:
    """Complete a replacement of `out`, and remove unfinished and replaced directories.

    The caller holds the lock of `out`. Where nothing stands at `out`, a replaced directory is kept:
    it may be the only copy.
    """
    for new in _waiting(out):
        if not out.exists() or new.name.endswith(f".new-{new.stat().st_ino}"):
            _put(new, out)
        else:
            shutil.rmtree(new, ignore_errors=True)
    for state in ("writing", "old") if out.exists() else ("writing",):
        for path in _siblings(out, state):
            shutil.rmtree(path, ignore_errors=True)


def is_unfinished(out: Path) -> bool:
    """Whether a killed process left a directory that waits to be put at `out`."""
    return any(_waiting(out.resolve()))


def _waiting(out: Path) -> Iterator[Path]:
    return _siblings(out, "new")


def _siblings(out: Path, state: str) -> Iterator[Path]:
    return out.parent.glob(f".{glob.escape(out.name)}.{state}-[0-9]*")


def _put(new: Path, out: Path) -> None:
    """Put `new` at `out`; then `new` names the old directory, which is removed."""
    if not out.exists():
        new.rename(out)
    elif not _exchange(new, out):
        old = out.parent / f".{out.name}.old-{os.getpid()}"
        out.rename(old)
        new.rename(out)
        old.rename(new)
    _fsync_folder(out.parent)
    shutil.rmtree(new, ignore_errors=True)


def _exchange(a: Path, b: Path) -> bool:
    """Exchange two names in one step; False if the system or the file system cannot."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if sys.platform != "linux" or renameat2 is None:
        return False
    names = os.fsencode(a), os.fsencode(b)
    if renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _CANNOT_EXCHANGE:
        return False
    raise OSError(number, os.strerror(number), str(b))


def _fsync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
