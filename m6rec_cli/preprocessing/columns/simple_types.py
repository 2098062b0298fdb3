"""Columns of types that nobody asks about to the plain ones that cells are read from: text, numbers, bytes.

What databases and data frames write is wrapped more than it need be: text as categories or as bytes, spans of time, ids of
MongoDB in an object each. Only the heads of columns of bytes are looked at; the rest of the plan stays lazy.
"""

import re
from typing import TypeGuard, cast

import polars as pl

_WRAPPERS = ("$oid", "$date", "$numberInt", "$numberLong", "$numberDouble", "$numberDecimal")
"""The only field of an object that MongoDB writes around one value."""
_SAMPLE = 200
_UUID_BYTES = 16
_MAGIC = re.compile(rb"GIF8[79]a|RIFF.{4}(?:WAVE|WEBP|AVI )|OggS|fLaC|PK\x03\x04", re.DOTALL)
"""What files of media and archives begin with, as far as it is text; the others are no UTF-8, or have NUL bytes."""


def columns(frame: pl.LazyFrame) -> pl.LazyFrame:
    """The frame with plain columns.

    Categories become text, a span of time its seconds, a time of day the seconds since midnight, an object of MongoDB the value
    in it. Bytes become text if they are UTF-8, hexadecimal digits if all have 16 bytes (UUIDs), and stay what they are otherwise.
    """
    schema = frame.collect_schema()
    made = [
        _plain(pl.col(name), dtype).alias(name)
        for name, dtype in schema.items()
        if not _is_plain(dtype)
    ]
    of_bytes = [name for name, dtype in schema.items() if dtype == pl.Binary]
    if of_bytes:
        head = frame.select(of_bytes).head(_SAMPLE).collect()
        made += [_of_bytes(head[name]).alias(name) for name in of_bytes]
    return frame.with_columns(made) if made else frame


def _is_plain(dtype: pl.DataType) -> bool:
    return not (
        isinstance(dtype, pl.Categorical | pl.Enum | pl.Duration | pl.Time) or _is_wrapped(dtype)
    )


def _is_wrapped(dtype: pl.DataType) -> TypeGuard[pl.Struct]:
    return (
        isinstance(dtype, pl.Struct)
        and len(dtype.fields) == 1
        and dtype.fields[0].name in _WRAPPERS
    )


def _plain(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if _is_wrapped(dtype):  # a date may hold a number in an object of its own
        ((name, inner),) = dtype.to_schema().items()
        return _plain(column.struct.field(name), cast(pl.DataType, inner))
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return column.cast(pl.String)
    if dtype == pl.Duration:
        return column.dt.total_microseconds() / 1e6
    if dtype == pl.Time:
        return column.cast(pl.Int64) / 1e9
    return column


def _of_bytes(head: pl.Series) -> pl.Expr:
    """Bytes as text or as hexadecimal digits, or as they are if the sample `head` is neither."""
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
    """Bytes as text; what is no UTF-8 becomes `\ufffd`, as in text files."""
    try:
        return cells.cast(pl.String)
    except pl.exceptions.ComputeError:
        texts = [None if cell is None else cell.decode("utf-8", "replace") for cell in cells]
        return pl.Series(cells.name, texts, pl.String)
