"""A `.zst` file to the most bytes that it can expand to, without expanding it (RFC 8878)."""

import mmap
from pathlib import Path

_FRAME, _SKIPPABLE = 0xFD2FB528, 0x184D2A50
_LARGEST_BLOCK = 1 << 17
_RAW, _REPEATED = 0, 1


def most_bytes(file: Path) -> int:
    """The sum over the blocks: exact but for compressed ones, of 128 KiB at most each.

    Of a damaged file, the blocks before the damage count: its reader says how it is damaged.
    """
    if not file.stat().st_size:
        return 0
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        size, at = 0, 0
        while at < len(data):
            magic = int.from_bytes(data[at : at + 4], "little")
            if magic & ~0xF == _SKIPPABLE:
                at += 8 + int.from_bytes(data[at + 4 : at + 8], "little")
            elif magic == _FRAME and at + 4 < len(data):
                found, at = _blocks(data, at + 4)
                size += found
            else:
                break
        return size


def _blocks(data: mmap.mmap, at: int) -> tuple[int, int]:
    """The bytes of one frame, and where the next one begins.

    Args:
        at: Of the frame header's descriptor.
    """
    flags, size = data[at], 0
    is_single, has_checksum = flags >> 5 & 1, flags >> 2 & 1
    content_size_bytes = (1 if is_single else 0, 2, 4, 8)[flags >> 6]
    dictionary_bytes = (0, 1, 2, 4)[flags & 3]
    at += 1 + (not is_single) + dictionary_bytes + content_size_bytes
    while at + 3 <= len(data):
        head = int.from_bytes(data[at : at + 3], "little")
        kind, length = head >> 1 & 3, head >> 3
        size += length if kind in (_RAW, _REPEATED) else _LARGEST_BLOCK
        at += 3 + (1 if kind == _REPEATED else length)
        if head & 1:
            break
    return size, at + 4 * has_checksum
