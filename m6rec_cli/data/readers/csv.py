"""Comma, semicolon or tab separated text, plain or gzip, to a lazy frame of strings.

Every column is read as text: an id such as `007` or `1.0` stays what it is, and values are parsed where
their meaning is known. A line with too many fields is marked in the column `EXTRA`; one with too few has
nulls at its end. `salvage` reads a file whose quotes are broken, line by line.
"""

import glob
import gzip
from pathlib import Path

import polars as pl

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".txt", ".txt.gz")
EXTRA = "__extra"
_SEPARATORS = (",", "\t", ";", "|")


def scan(path: str) -> pl.LazyFrame:
    """Scan a file or a glob; every column String, with the marker column `EXTRA`."""
    return marked(path, separator_of(path))


def marked(source: str | bytes, separator: str, quote_char: str | None = '"') -> pl.LazyFrame:
    """Scan with one column more than the header names, which only a line that is too long fills."""
    header = pl.scan_csv(
        source, separator=separator, infer_schema=False, quote_char=quote_char, n_rows=0,
        truncate_ragged_lines=True,
    ).collect_schema()  # fmt: skip
    return pl.scan_csv(
        source, separator=separator, schema={**dict.fromkeys(header, pl.String), EXTRA: pl.String},
        quote_char=quote_char, truncate_ragged_lines=True, missing_columns="insert", encoding="utf8-lossy",
    ).with_columns(pl.col(EXTRA).is_not_null())  # fmt: skip


def separator_of(path: str) -> str:
    """A tab for `.tsv`; otherwise the candidate that the header line holds most often."""
    if ".tsv" in Path(path).name:
        return "\t"
    header = first_line(path)
    return max(_SEPARATORS, key=header.count)


def first_line(path: str) -> str:
    """The header line of the first file that `path` names."""
    first = sorted(glob.glob(path))[0] if glob.has_magic(path) else path  # noqa: PTH207 - may be absolute
    opener = gzip.open if first.endswith(".gz") else open
    with opener(first, "rb") as file:
        return file.readline(1 << 20).decode("utf-8", "replace")


def salvage(path: str) -> tuple[pl.LazyFrame, int, int | None]:
    """Read a file that the scanner refuses: lines with an odd number of quotes are left out.

    Returns:
        The frame of the other lines, the number of lines left out and the first of them (1 is the first
        line after the header).
    """
    raw = gzip.decompress(Path(path).read_bytes()) if path.endswith(".gz") else Path(path).read_bytes()
    lines = raw.splitlines()
    bad = [i for i, line in enumerate(lines) if i and line.count(b'"') % 2]
    good = b"\n".join(line for i, line in enumerate(lines) if not i or line.count(b'"') % 2 == 0)
    separator = separator_of(path)
    frame = marked(good, separator)
    try:
        frame.collect()
    except pl.exceptions.ComputeError:
        # Even numbers of quotes in the wrong places: quotes mean nothing in such a file.
        frame = marked(good, separator, quote_char=None)
    return frame, len(bad), bad[0] if bad else None
