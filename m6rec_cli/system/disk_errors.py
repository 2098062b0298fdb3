"""Errors of a full disk, a quota or a limit on file sizes, whichever library reports them.

Python raises them as `OSError`; Polars, tokenizers and Orbax wrap the system's message in their
own exceptions; numpy only says how many values it wrote.
"""

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from m6rec_cli.system.errors import M6RecError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_FULL_TEXT = re.compile(
    r"No space left on device|Disk quota exceeded|\d+ requested and \d+ written", re.IGNORECASE
)
_LIMIT_TEXT = re.compile(r"File too large", re.IGNORECASE)
_outputs: list[Path] = []
"""Where this process writes, the latest last."""


def note_output(path: Path) -> None:
    """Remember where this process writes: most errors do not say it."""
    if not _is_unfinished(path):
        _outputs.append(path)


def disk_error(error: BaseException) -> M6RecError | None:
    """The error in plain words with the disk that is concerned; None for other errors."""
    for cause in _chain(error):
        number = cause.errno if isinstance(cause, OSError) else None
        where = _place(cause)
        if number == errno.EFBIG or (number is None and _LIMIT_TEXT.search(str(cause))):
            return M6RecError(
                "a file would be larger than is allowed",
                where=where,
                hint="raise the limit on file sizes (`ulimit -f`), or write to another disk",
            )
        if number in _FULL or (number is None and _FULL_TEXT.search(str(cause))):
            return M6RecError(
                "the disk is full, or its quota is used up",
                where=where,
                hint="make room there, or write to another disk; unfinished outputs are removed",
            )
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _place(error: BaseException) -> str | None:
    """The file of an error or the last output, with the mount point of its disk."""
    named = error.filename if isinstance(error, OSError) else None
    path = Path(os.fsdecode(named)) if named is not None and not isinstance(named, int) else None
    if _outputs and (path is None or _is_unfinished(path)):
        path = _outputs[-1]
    if path is None:
        return None
    disk = path.absolute()
    while not os.path.ismount(disk) and disk != disk.parent:
        disk = disk.parent
    return f"{path}, on the disk that is mounted at {disk}"


def _is_unfinished(path: Path) -> bool:
    """Whether a path lies in a directory that has not its final name yet."""
    return any(".writing-" in part for part in path.parts)
