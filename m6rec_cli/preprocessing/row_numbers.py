"""Ids as Polars categories to row numbers."""

import numpy as np
import polars as pl

_MISSING = 2**32 - 1
_CHUNK = 1 << 16
"""Rows at a time, few enough for the cache."""


def categories(values: pl.Series) -> pl.Series:
    """The categories of an Enum, by code."""
    assert isinstance(values.dtype, pl.Enum)
    return values.dtype.categories


def codes_by_first_event(values: pl.Series, chunk: int = _CHUNK) -> np.ndarray:
    """The codes of an Enum that occur, in the order of their first occurrence."""
    codes = values.to_physical().to_numpy()
    first = np.full(len(categories(values)), len(codes))
    for start in reversed(range(0, len(codes), chunk)):
        part = codes[start : start + chunk]
        # The last write wins, so events are written in reverse order.
        first[part[::-1]] = np.arange(start + len(part), start, -1) - 1
    return np.argsort(first, kind="stable")[: np.count_nonzero(first < len(codes))]


def rows_of_codes(values: pl.Series, order: np.ndarray) -> pl.Series:
    """The row of each value of an Enum (u32), where row r has the code `order[r]`."""
    rows = np.full(len(categories(values)), _MISSING, np.uint32)
    rows[order] = np.arange(len(order), dtype=np.uint32)
    return pl.Series(rows[values.to_physical().to_numpy()])


def rows_of(values: pl.Series, ids: pl.Series) -> pl.Series:
    """The position of each value in `ids` (u32), null where it is missing there.

    Args:
        values: Categorical or Enum; only distinct values are looked up.
    """
    distinct = values.unique().drop_nulls()
    table = pl.DataFrame({"id": ids.cast(pl.String)}).with_row_index("position")
    found = pl.DataFrame({"id": distinct.cast(pl.String)}).join(
        table, on="id", how="left", maintain_order="left"
    )["position"]
    codes = distinct.to_physical().to_numpy()
    last = int(codes.max(initial=0))
    rows = np.full(last + 2, _MISSING, np.uint32)
    rows[codes] = found.fill_null(_MISSING).to_numpy()
    result = rows[values.to_physical().fill_null(last + 1).to_numpy()]
    series = pl.Series(result)
    return series.replace(_MISSING, None) if (result == _MISSING).any() else series


def renumber(rows: pl.Series, dropped: np.ndarray) -> pl.Series:
    """Row numbers after the rows `dropped` are removed.

    Args:
        rows: u32, none of them dropped.
        dropped: bool, by old row.
    """
    new = np.cumsum(~dropped, dtype=np.uint32) - np.uint32(1)
    return pl.Series(rows.name, new[rows.to_numpy()]) if dropped.any() else rows
