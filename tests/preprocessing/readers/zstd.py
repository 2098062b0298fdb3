"""Bytes to a `.zst` file that Polars would not write: other text than UTF-8, and bombs."""

_MAGIC = b"\x28\xb5\x2f\xfd"
_HEADER = b"\x00\x58"
"""No checksum, no size; a window of 2 MiB."""
_BLOCK = 1 << 16


def zstd_frame(data: bytes) -> bytes:
    """One frame of raw blocks (RFC 8878, section 3.1.1)."""
    parts = [data[start : start + _BLOCK] for start in range(0, len(data), _BLOCK)] or [b""]
    blocks = [
        ((len(part) << 3) | (number == len(parts) - 1)).to_bytes(3, "little") + part
        for number, part in enumerate(parts)
    ]
    return _MAGIC + _HEADER + b"".join(blocks)


def zstd_bomb(size: int) -> bytes:
    """One frame that repeats a letter `size` times, in blocks of four bytes for each 128 KiB."""
    n = -(-size // (1 << 17))
    block = (((1 << 17) << 3) | 2).to_bytes(3, "little") + b"a"
    last = (((1 << 17) << 3) | 3).to_bytes(3, "little") + b"a"
    return _MAGIC + _HEADER + block * (n - 1) + last
