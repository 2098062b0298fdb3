"""Codes of ids to row numbers, which follow the order of the first events."""

import numpy as np
import polars as pl

MISSING = 2**32 - 1
"""The row of a code that has none."""


def codes_by_first_event(places: np.ndarray) -> np.ndarray:
    """The codes that have events, in the order of their first event.

    Args:
        places: The place of the first event of each code, u32; `MISSING` without events.
    """
    return np.argsort(places, kind="stable")[: np.count_nonzero(places < MISSING)]


def rows_of_codes(order: np.ndarray, n_codes: int) -> np.ndarray:
    """The row of each code, u32, where row r has the code `order[r]`; `MISSING` for others."""
    rows = np.full(n_codes, MISSING, np.uint32)
    rows[order] = np.arange(len(order), dtype=np.uint32)
    return rows


def positions_of(ids: pl.Series, known: pl.Series) -> np.ndarray:
    """The position of each id among the known ones, u32; `MISSING` if it is not among them."""
    table = pl.DataFrame({"id": known.cast(pl.String)}).with_row_index("position")
    found = pl.DataFrame({"id": ids.cast(pl.String)}).join(
        table, on="id", how="left", maintain_order="left"
    )
    return found["position"].fill_null(MISSING).to_numpy()


def rows_of(values: pl.Series, ids: pl.Series) -> pl.Series:
    """The position of each value in `ids` (u32), null where it is missing there.

    Args:
        values: Categorical or Enum; only distinct values are looked up.
    """
    distinct = values.unique().drop_nulls()
    codes = distinct.to_physical().to_numpy()
    last = int(codes.max(initial=0))
    rows = np.full(last + 2, MISSING, np.uint32)
    rows[codes] = positions_of(distinct, ids)
    result = rows[values.to_physical().fill_null(last + 1).to_numpy()]
    series = pl.Series(result)
    return series.replace(MISSING, None) if (result == MISSING).any() else series


def without_dropped(rows: np.ndarray, dropped: np.ndarray) -> np.ndarray:
    """Row numbers after the rows `dropped` are removed; `MISSING` stays, and for dropped ones.

    Args:
        rows: u32, or `MISSING`.
        dropped: bool, by old row.
    """
    new = np.cumsum(~dropped, dtype=np.uint32) - np.uint32(1)
    new[dropped] = MISSING
    return np.append(new, np.uint32(MISSING))[np.minimum(rows, len(new))]
