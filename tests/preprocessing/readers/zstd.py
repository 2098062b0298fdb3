"""Bytes to a `.zst` file without compression, since Polars writes UTF-8 alone."""

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
