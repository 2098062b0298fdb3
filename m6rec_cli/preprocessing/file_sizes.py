"""Tables that would end the process without a message: they are refused before they are parsed."""

import gzip
import mmap
import zlib
from pathlib import Path

from m6rec_cli.system.errors import M6RecError

_MOST_RATIO = 1032
"""No deflated file expands further."""
_LONGEST_LINE = (1 << 31) - 1
"""Bytes: Polars aborts on a text cell of 4 GiB, and needs several copies of a line."""
_BLOCK = 1 << 20
_TEXTS = (".csv", ".tsv", ".txt", ".dat", ".data")


def require_readable_size(file: Path, what: str) -> None:
    """Raise if a file expands beyond the free memory, or has a line that no reader can hold.

    Args:
        what: What the table is for; errors say it.

    Raises:
        M6RecError: It is so; the file and the sizes are named.
    """
    if file.suffix.lower() == ".gz":
        _require_room(file, what)
    elif file.stat().st_size > _LONGEST_LINE and file.suffix.lower() in _TEXTS:
        _require_lines(file, what)


def free_memory() -> int | None:
    """Bytes that processes may still take; None if the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(found[0]) << 10 if found else None


def _require_room(file: Path, what: str) -> None:
    """Polars decompresses a whole file in memory; a small bomb expands a thousand times."""
    free = free_memory()
    if free is None or file.stat().st_size * _MOST_RATIO < free:
        return
    size = 0
    try:
        with gzip.open(file, "rb") as stream:
            while size <= free and (block := stream.read(_BLOCK)):
                size += len(block)
    except (OSError, EOFError, zlib.error):
        return  # damaged: the reader says how
    if size > free:
        raise M6RecError(
            f"the {what} file expands to more than the {free >> 20:,} MiB of free memory",
            where=f"{file}, {file.stat().st_size >> 10:,} KiB compressed",
            hint="is it what you expect? Then decompress it first, or split it",
        )


def _require_lines(file: Path, what: str) -> None:
    """Look back from every 2 GiB for the end of a line: only a few pages are read."""
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as text:
        start = 0
        while len(text) - start > _LONGEST_LINE:
            end = text.rfind(b"\n", start, start + _LONGEST_LINE)
            if end < 0:
                raise M6RecError(
                    f"a line of the {what} file is longer than 2 GiB",
                    where=f"{file}, at byte {start:,}",
                    hint="is it text with one record a line?",
                )
            start = end + 1
