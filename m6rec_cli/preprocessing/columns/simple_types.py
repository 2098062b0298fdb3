"""Columns of unusual types to text, numbers, times and bytes.

Databases and data frames write text as categories or bytes, durations, and MongoDB ids as objects.
The conversion is lazy; only columns of bytes need their first cells.
"""

import re
from typing import TypeGuard, cast

import polars as pl

_WRAPPERS = ("$oid", "$date", "$numberInt", "$numberLong", "$numberDouble", "$numberDecimal")
"""The fields of the one-field objects that MongoDB writes around a value."""
_SAMPLE = 200
_UUID_BYTES = 16
_MAGIC = re.compile(rb"GIF8[79]a|RIFF.{4}(?:WAVE|WEBP|AVI )|OggS|fLaC|PK\x03\x04", re.DOTALL)
"""First bytes of media files and archives that could pass for text; others are not UTF-8, or have
NUL bytes."""


def simplify_types(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Convert columns of unusual types.

    Categories become text, durations seconds, times of day seconds since midnight, and MongoDB
    objects their value. Bytes become text if they are UTF-8, hexadecimal digits if all cells have
    16 bytes (UUIDs), and stay bytes otherwise.
    """
    schema = frame.collect_schema()
    converted = [
        _simplified(pl.col(name), dtype).alias(name)
        for name, dtype in schema.items()
        if not _is_simple(dtype)
    ]
    binary = [name for name, dtype in schema.items() if dtype == pl.Binary]
    if binary:
        head = frame.select(binary).head(_SAMPLE).collect()
        converted += [_from_bytes(head[name]).alias(name) for name in binary]
    return frame.with_columns(converted) if converted else frame


def _is_simple(dtype: pl.DataType) -> bool:
    return not (
        isinstance(dtype, pl.Categorical | pl.Enum | pl.Duration | pl.Time) or _is_wrapped(dtype)
    )


def _is_wrapped(dtype: pl.DataType) -> TypeGuard[pl.Struct]:
    return (
        isinstance(dtype, pl.Struct)
        and len(dtype.fields) == 1
        and dtype.fields[0].name in _WRAPPERS
    )


def _simplified(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if _is_wrapped(dtype):  # a `$date` may hold a `$numberLong`
        ((name, inner),) = dtype.to_schema().items()
        return _simplified(column.struct.field(name), cast(pl.DataType, inner))
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return column.cast(pl.String)
    if dtype == pl.Duration:
        return column.dt.total_microseconds() / 1e6
    if dtype == pl.Time:
        return column.cast(pl.Int64) / 1e9
    return column


def _from_bytes(head: pl.Series) -> pl.Expr:
    """Bytes as text or hexadecimal digits, or unchanged, depending on the sample `head`."""
    cells = head.drop_nulls().to_list()
    column = pl.col(head.name)
    if cells and all(map(_is_text, cells)):
        return column.map_batches(_decoded, return_dtype=pl.String, is_elementwise=True)
    if cells and all(len(cell) == _UUID_BYTES for cell in cells):
        return column.bin.encode("hex")
    return column


def _is_text(cell: bytes) -> bool:
    if b"\0" in cell or _MAGIC.match(cell):
        return False
    try:
        cell.decode()
    except UnicodeDecodeError:
        return False
    return True


def _decoded(cells: pl.Series) -> pl.Series:
    """Bytes as text; bytes that are not UTF-8 become `\ufffd`, as in text files."""
    try:
        return cells.cast(pl.String)
    except pl.exceptions.ComputeError:
        texts = [None if cell is None else cell.decode("utf-8", "replace") for cell in cells]
        return pl.Series(cells.name, texts, pl.String)
