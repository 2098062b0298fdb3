"""Events to the mask of those that repeat an earlier one."""

import numpy as np
import polars as pl

_CHUNK = 1 << 16
LINE_HASH = "__hash"
"""Hash of the cells without a role, which tells different events of one time apart."""
_KEY = ("user", "item", "timestamp", "event", LINE_HASH)
_FACTORS = (
    0x9E3779B97F4A7C15,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0xD6E8FEB86659FD93,
    0x27D4EB2F165667C5,
)
"""Odd numbers with irregular bits, one per column, that mix the columns to one hash."""


def find_duplicates(frame: pl.DataFrame) -> pl.Series:
    """Which rows equal an earlier one in `user`, `item`, `timestamp`, `event` and other cells.

    The hash of the other cells, where there are any, is the column `LINE_HASH`.

    Few rows share a hash, and only these are compared: a hash table of all rows would need more
    memory than anything else.
    """
    names = [name for name in _KEY if name in frame.columns]
    key = [frame[name].to_physical() for name in names]
    key = [column for column in key if column.null_count() < max(len(column), 1)]
    mixed = np.zeros(len(frame), np.uint64)
    for start in range(0, len(frame), _CHUNK):
        part = mixed[start : start + _CHUNK]
        for column, factor in zip(key, _FACTORS, strict=False):
            cells = (
                column.slice(start, _CHUNK)
                .cast(pl.UInt64, wrap_numerical=True)
                .fill_null(2**63)
                .to_numpy()
            )
            part += (cells + np.uint64(1)) * np.uint64(factor)
    ordered = np.sort(mixed)
    shared = pl.Series(np.unique(ordered[1:][ordered[1:] == ordered[:-1]]))
    suspects = pl.Series(mixed).is_in(shared.implode())
    rows = np.flatnonzero(suspects.to_numpy())
    repeated = np.zeros(len(frame), bool)
    repeated[rows] = (
        ~pl.DataFrame(key)
        .filter(suspects)
        .select(pl.struct(pl.all()).is_first_distinct())
        .to_series()
        .to_numpy()
    )
    return pl.Series(repeated)
