"""The cache folder: compiled programs and the vectors of frozen encoders."""

import os
import stat
import tempfile
from pathlib import Path


def cache_folder() -> Path | None:
    """`$M6REC_CACHE_DIR`, else `m6rec` in the user's cache directory.

    A user without a home directory gets a folder in the system's temporary directory, if it is
    theirs alone: compiled programs are executed.

    Returns:
        The folder, which may not exist yet; None if no folder is safe to use.
    """
    if named := os.environ.get("M6REC_CACHE_DIR"):
        return Path(named)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "m6rec"
    except RuntimeError:
        return _private_folder(Path(tempfile.gettempdir()) / f"m6rec-{os.getuid()}")


def _private_folder(folder: Path) -> Path | None:
    """The folder, made if it is missing; None unless it is this user's, mode 700 and no link."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    is_private = stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o700
    return folder if is_private and found.st_uid == os.getuid() else None
