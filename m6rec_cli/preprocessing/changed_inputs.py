"""Tables that other programs write to while they are read: said, instead of a strange error."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from m6rec_cli.preprocessing.table_files import files_of
from m6rec_cli.system.errors import M6RecError, Terminated
from m6rec_cli.system.file_faults import is_panic
from m6rec_cli.system.progress import Reporter

_HINT = "run the command again when no other program writes to it, or on a copy"


@contextmanager
def noticing_changes(paths: Sequence[Path], report: Reporter) -> Iterator[None]:
    """Warn if a file changed by the end of the block.

    Args:
        paths: Files, globs and folders.

    Raises:
        M6RecError: A file changed and a library failed, in whatever way: the cause is the change.
    """
    before = _states(paths)
    try:
        yield
    except (M6RecError, Terminated):
        raise
    except BaseException as fault:
        if not (isinstance(fault, Exception) or is_panic(fault)):
            raise
        changed = _changed(before, paths)
        if changed is None:
            raise
        raise M6RecError(
            "a table was changed while it was read", where=str(changed), hint=_HINT
        ) from fault
    changed = _changed(before, paths)
    if changed is not None:
        report.warn(f"{changed} was changed while it was read: {_HINT}")


def _states(paths: Sequence[Path]) -> dict[Path, tuple[int, ...]]:
    """What identifies the content of each file without reading it."""
    return {file: _state(file) for path in paths for file in files_of(path)}


def _state(file: Path) -> tuple[int, ...]:
    found = file.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _changed(before: dict[Path, tuple[int, ...]], paths: Sequence[Path]) -> Path | None:
    """The first file that changed, appeared or is gone."""
    now = _states(paths)
    return next((p for p in sorted(before | now) if before.get(p) != now.get(p)), None)
