"""Ids to codes in one pass over a log, without holding the ids of all its rows.

A row keeps a 64-bit hash of its id; codes are the places of the hashes among the distinct ones, found by their leading bits.
A second pass reads the text of the first row of each id alone. That two of n ids share a hash has a chance of
n**2 / 2**65: one in 37 million for a million of them.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from m6rec_cli.preprocessing.tables import ROW, Table

_CHUNK = 1 << 16
"""Rows at once: what is made of them stays in the cache."""


def hashed(identifier: pl.Expr) -> pl.Expr:
    """What a row keeps of an id: u64, null where there is none."""
    return pl.when(identifier.is_not_null()).then(identifier.hash(seed=0))


def enums(frame: pl.DataFrame, table: Table, identifiers: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """Replace columns of hashes by the ids that they stand for, as Enum.

    Args:
        frame: Rows of `table`, with `ROW` ascending, and for each name a column of `hashed`.
        identifiers: The expressions that were hashed.
    """
    rows = frame[ROW].to_numpy()
    found = {name: codes(frame[name]) for name in identifiers}
    frame = frame.drop(identifiers)
    firsts = {name: rows[first] for name, (_, first) in found.items()}
    # A table of flags, not `is_in`, whose set would be built anew for each piece of the file.
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


def codes(hashes: pl.Series) -> tuple[pl.Series, np.ndarray]:
    """Codes of distinct hashes, u32, null where the hash is; and the position at which each code stands first."""
    known = np.sort(hashes.unique().drop_nulls().to_numpy())
    missing = hashes.is_null().to_numpy() if hashes.null_count() else None
    values = (hashes.fill_null(0) if missing is not None else hashes).to_numpy()
    out, first = np.zeros(len(values), np.uint32), np.zeros(len(known) + 1, np.int64)
    if len(known):
        # Twice to four times as many buckets as hashes: the place is within a step or two of its bucket's start.
        bits = len(known).bit_length() + 1
        shift = np.uint64(64 - bits)
        begins = np.searchsorted(known, np.arange(1 << bits, dtype=np.uint64) << shift).astype(
            np.uint32
        )
        last = np.uint32(len(known) - 1)
        for start in reversed(range(0, len(values), _CHUNK)):
            value = values[start : start + _CHUNK]
            place = np.minimum(begins[value >> shift], last)
            behind = np.flatnonzero(known[place] < value)
            while len(behind):  # those of a missing id may come to the end
                place[behind] = np.minimum(place[behind] + 1, last)
                behind = behind[(known[place[behind]] < value[behind]) & (place[behind] < last)]
            out[start : start + _CHUNK] = place
            if missing is not None:  # these write where nobody reads
                place[missing[start : start + _CHUNK]] = len(known)
            # Of equal places the last one written stays, so rows go backwards.
            first[place[::-1]] = np.arange(start + len(place), start, -1) - 1
    code = pl.Series(out)
    return (code.set(pl.Series(missing), None) if missing is not None else code), first[:-1]
