"""Tables that would end the process without a message: they are refused before they are parsed."""

import gzip
import re
import zlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from m6rec_cli.preprocessing import zstd_frames
from m6rec_cli.system.errors import M6RecError

_MOST_RATIO = 1032
"""No deflated file expands further."""
_LONGEST = (1 << 31) - 1
"""Bytes of a line or a quoted cell: Polars panics or aborts at 4 GiB, and needs several copies."""
_BLOCK = 1 << 24
_QUOTE = re.compile(rb'[,;\t|\r\n]"(?:"")*(?!")|(?<!")"(?:"")*(?=[,;\t|\r\n])')
"""A quote that begins or ends a cell: an odd number of quotes beside a separator or line end."""
_ENDS = frozenset({b",", b";", b"\t", b"|", b"\r", b"\n", b""})
_EDGE = 16


def require_readable_size(file: Path, what: str, *, is_text: bool) -> None:
    """Raise if a file expands beyond the free memory, or has a line or cell of more than 2 GiB.

    Text of more than 2 GiB is read once for that. Of a `.zst` file only the size is looked at.

    Args:
        what: What the table is for; errors say it.
        is_text: Whether the file has lines.

    Raises:
        M6RecError: It is so; the file and the place are named.
    """
    size = file.stat().st_size
    match file.suffix.lower():
        case ".zst":
            _require_room(zstd_frames.most_bytes(file), free_memory(), file, what)
        case ".gz":
            free = free_memory()
            if size * _MOST_RATIO > min(_LONGEST, free or _LONGEST):
                _require_short_cells(_unpacked(file, free, what), file, what)
        case suffix if is_text and suffix != ".json" and size > _LONGEST:
            with file.open("rb", buffering=0) as stream:
                _require_short_cells(iter(lambda: stream.read(_BLOCK), b""), file, what)


def free_memory() -> int | None:
    """Bytes that processes may still take; None if the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(found[0]) << 10 if found else None


def _require_room(size: int, free: int | None, file: Path, what: str) -> None:
    """Polars decompresses a whole file in memory; a small bomb expands a thousand times."""
    if free is not None and size > free:
        raise M6RecError(
            f"the {what} file expands to more than the {free >> 20:,} MiB of free memory",
            where=f"{file}, {file.stat().st_size >> 10:,} KiB compressed",
            hint="is it what you expect? Then decompress it first, or split it",
        )


def _unpacked(file: Path, free: int | None, what: str) -> Iterator[bytes]:
    """The text of a `.gz` file by block, as far as it is not damaged: its reader says how."""
    size = 0
    with gzip.open(file, "rb") as stream:
        while True:
            try:
                block = stream.read(_BLOCK)
            except (OSError, EOFError, zlib.error):
                return
            if not block:
                return
            size += len(block)
            _require_room(size, free, file, what)
            yield block


def _require_short_cells(blocks: Iterator[bytes], file: Path, what: str) -> None:
    """Refuse a stretch without the end of a line, or without the end of a cell that was opened.

    One end in a block is enough, so that this is as fast as the disk.
    """
    at = line_start = last_quote = 0
    edge, with_quote = b"\n", b"\n"
    for block in blocks:
        text = edge + block  # quotes and their separator may lie in two blocks
        if b"\n" in block or b"\r" in block:
            line_start = at
        if b'"' in text and _QUOTE.search(text):
            with_quote, last_quote = text, at
        at, edge = at + len(block), block[-_EDGE:]
        if at - line_start > _LONGEST:
            raise _too_long("line", file, line_start, what, "is it text with one record a line?")
        if at - last_quote > _LONGEST and _is_open(with_quote):
            hint = "is a quote missing that ends a cell?"
            raise _too_long("quoted cell", file, last_quote, what, hint)


def _is_open(text: bytes) -> bool:
    """Whether the last quote of a text begins a cell; in `,"\\n` it may end one as well."""
    for quote in deque(_QUOTE.finditer(text), maxlen=1):
        return quote[0][:1] != b'"' and text[quote.end() : quote.end() + 1] not in _ENDS
    return False


def _too_long(part: str, file: Path, at: int, what: str, hint: str) -> M6RecError:
    return M6RecError(
        f"a {part} of the {what} file is longer than 2 GiB",
        where=f"{file}, after byte {at:,}",
        hint=hint,
    )
