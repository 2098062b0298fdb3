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


class DistinctHashes:
    """The distinct hashes of a column that is met in parts."""

    def __init__(self) -> None:
        self._known = np.zeros(0, np.uint64)
        self._more: list[np.ndarray] = []

    def add(self, hashes: pl.Series) -> None:
        """Add the hashes of a part; nulls do not count."""
        self._more.append(hashes.unique().drop_nulls().to_numpy())
        # Joined when the new ones are as many as the known ones: each is sorted a few times.
        if sum(map(len, self._more)) > max(len(self._known), 1 << 20):
            self.sorted()

    def sorted(self) -> np.ndarray:
        """The distinct hashes of all parts, ascending, u64."""
        self._known = np.unique(np.concatenate([self._known, *self._more]))
        self._more = []
        return self._known


def texts_of_ids(
    table: Table, identifiers: Mapping[str, pl.Expr], rows: Mapping[str, np.ndarray]
) -> dict[str, pl.Series]:
    """The id in each of some rows of a table, by name.

    Args:
        identifiers: The expressions of the ids, by name.
        rows: For each name the rows to read, as `ROW` numbers them.
    """
    # A table of flags: `is_in` would build its set anew for each chunk of the file.
    wanted = np.zeros(max(int(row.max(initial=0)) for row in rows.values()) + 2, bool)
    for row in rows.values():
        wanted[row] = True
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
    return {name: text[name].gather(np.searchsorted(at, row)) for name, row in rows.items()}


def hash_codes(
    hashes: pl.Series, chunk: int = _CHUNK, known: np.ndarray | None = None
) -> tuple[pl.Series, np.ndarray]:
    """The code of each hash, u32, null for null; and the first position of each code.

    Args:
        known: Distinct hashes, ascending, among them all of `hashes`; by default these alone. The
            first position of one that is not among them is their number.
    """
    if known is None:
        known = np.sort(hashes.unique().drop_nulls().to_numpy())
    missing = hashes.is_null().to_numpy() if hashes.null_count() else None
    values = (hashes.fill_null(0) if missing is not None else hashes).to_numpy()
    out = np.zeros(len(values), np.uint32)
    first = np.full(len(known) + 1, len(values), np.int64)
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
