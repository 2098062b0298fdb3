"""Ids to codes, without holding the id of every row in memory.

A first pass keeps a 64-bit hash of each row's id; the code of an id is the position of its hash
among the sorted distinct hashes. A second pass reads the id's text from the first row that has it.
Two of n ids share a hash with probability n**2 / 2**65: one in 37 million for a million ids.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from m6rec_cli.preprocessing.tables import ROW, Table

_CHUNK = 1 << 16
"""Rows at a time, few enough for the cache."""


def hash_ids(identifier: pl.Expr) -> pl.Expr:
    """The hash of an id, u64; null where the id is missing."""
    return pl.when(identifier.is_not_null()).then(identifier.hash(seed=0))


def hashes_to_ids(
    frame: pl.DataFrame, table: Table, identifiers: Mapping[str, pl.Expr]
) -> pl.DataFrame:
    """Replace columns of hashes by columns of ids, as Enum.

    Args:
        frame: Rows of `table` with `ROW` ascending, and a column of hashes for each name.
        identifiers: The expressions that were hashed, by name.
    """
    rows = frame[ROW].to_numpy()
    found = {name: hash_codes(frame[name]) for name in identifiers}
    frame = frame.drop(identifiers)
    firsts = {name: rows[first] for name, (_, first) in found.items()}
    # A table of flags: `is_in` would build its set anew for each chunk of the file.
    wanted = np.zeros(int(rows[-1]) + 2 if len(rows) else 1, bool)
    for first in firsts.values():
        wanted[first] = True
    chosen = pl.col(ROW).map_batches(
        lambda row: pl.Series(wanted[np.minimum(row.to_numpy(), len(wanted) - 1)]),
        return_dtype=pl.Boolean,
        is_elementwise=True,
    )
    text = (
        table.frame.filter(chosen)
        .select(ROW, *(e.alias(name) for name, e in identifiers.items()))
        .collect(engine="streaming")
    )
    text = text if text[ROW].is_sorted() else text.sort(ROW)
    at = text[ROW].to_numpy()
    columns = []
    for name, (code, _) in found.items():
        names = text[name].gather(np.searchsorted(at, firsts[name]))
        columns.append(code.alias(name).cat.to(pl.Enum(names)))
    return frame.with_columns(columns)


def hash_codes(hashes: pl.Series, chunk: int = _CHUNK) -> tuple[pl.Series, np.ndarray]:
    """The code of each hash, u32, null for null; and the first position of each code."""
    known = np.sort(hashes.unique().drop_nulls().to_numpy())
    missing = hashes.is_null().to_numpy() if hashes.null_count() else None
    values = (hashes.fill_null(0) if missing is not None else hashes).to_numpy()
    out, first = np.zeros(len(values), np.uint32), np.zeros(len(known) + 1, np.int64)
    if len(known):
        # Buckets by leading bits, two to four per hash: a hash is at most a few steps after the
        # start of its bucket.
        bits = len(known).bit_length() + 1
        shift = np.uint64(64 - bits)
        begins = np.searchsorted(known, np.arange(1 << bits, dtype=np.uint64) << shift).astype(
            np.uint32
        )
        last = np.uint32(len(known) - 1)
        for start in reversed(range(0, len(values), chunk)):
            value = values[start : start + chunk]
            place = np.minimum(begins[value >> shift], last)
            behind = np.flatnonzero(known[place] < value)
            while len(behind):  # a missing id may reach the end
                place[behind] = np.minimum(place[behind] + 1, last)
                behind = behind[(known[place[behind]] < value[behind]) & (place[behind] < last)]
            out[start : start + chunk] = place
            if missing is not None:  # these write to a spare position
                place[missing[start : start + chunk]] = len(known)
            # The last write wins, so rows are written in reverse order.
            first[place[::-1]] = np.arange(start + len(place), start, -1) - 1
    code = pl.Series(out)
    return (code.set(pl.Series(missing), None) if missing is not None else code), first[:-1]
