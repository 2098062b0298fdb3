"""Comma, semicolon, pipe or tab separated text, also compressed, to a lazy frame of strings.

Every column is read as text, so an id such as `007` or `1.0` stays as it is; values are parsed
later, by the role of their column. A line with too many fields is marked in `EXTRA`, one that
repeats the header in `HEADER`; one with too few ends in nulls. In text with semicolons or tabs,
decimal commas become points.
"""

import csv
import io
from dataclasses import replace

import polars as pl

from m6rec_cli.preprocessing.columns.decimal_commas import with_decimal_points
from m6rec_cli.preprocessing.readers._base import (
    EXTRA,
    HEADER,
    Salvaged,
    is_pattern,
    read_all,
)
from m6rec_cli.preprocessing.readers._delimited import Layout, scan_strings, with_one_byte
from m6rec_cli.preprocessing.readers._layout import find_layout
from m6rec_cli.preprocessing.readers._plain_quotes import without_whole_quotes
from m6rec_cli.system.errors import M6RecError

SUFFIXES = tuple(
    name + packed
    for name in (".csv", ".tsv", ".txt", ".dat", ".data")
    for packed in ("", ".gz", ".zst")
)
CONTENT = "a header line and records below"
IS_TEXT = True
READS_FOLDERS = False
_CELL_LINES = 50
"""Most lines of one quoted cell, when a file with broken quotes is read."""


def scan(path: str, *, no_header: bool = False) -> pl.LazyFrame:
    """Scan a file or a glob; every column String, with the marker columns `EXTRA` and `HEADER`.

    Raises:
        M6RecError: It has no header line.
    """
    layout, looks, first = find_layout(path, no_header=no_header)
    if looks == "data" and not no_header:
        numbered = ", ".join(f"{n}: `{cell[:20]}`" for n, cell in enumerate(first[:12], 1))
        raise M6RecError(
            "the first line looks like data: is the header line missing?",
            where=f"{path}, first line: {numbered}",
            hint="pass `--no-header`, and name the roles by the numbers of the columns: "
            "`--columns user=1,item=2,time=3`; or write a header line above the first line",
        )
    if len(layout.separator) == 1:
        return _read(path, layout)
    if is_pattern(path):
        raise M6RecError(
            f"the fields are separated by `{layout.separator}`: only single files can be read",
            where=path,
            hint="name each file: `--interactions` may be repeated",
        )
    return _read(*with_one_byte(read_all(path), layout))


def salvage(path: str, *, no_header: bool = False) -> Salvaged | None:
    """Read a file with broken quotes: leaves out the lines whose quotes do not match."""
    layout = find_layout(path, no_header=no_header)[0]
    if layout.quote_char is None or len(layout.separator) > 1:
        return None
    lines = read_all(path).splitlines()[layout.skip_lines :]
    layout = replace(layout, skip_lines=0, end_of_line="\n")
    records, bad = _records(lines, layout.separator)
    good = b"\n".join(records)
    try:
        frame = _read(good, layout)
        frame.collect()
    except pl.exceptions.ComputeError:
        # Lines with an even number of misplaced quotes: read quotes as ordinary characters.
        frame = _read(good, replace(layout, quote_char=None))
    return Salvaged(frame, len(bad), bad[0] if bad else None)


def _read(source: str | bytes, layout: Layout) -> pl.LazyFrame:
    frame = scan_strings(source, layout)
    if layout.quote_char is None:
        frame = without_whole_quotes(frame)
    if layout.n_columns is None:
        # Two columns are enough, and most plans read them anyway.
        names = [name for name in frame.collect_schema() if name != EXTRA][:2]
        repeats = pl.all_horizontal(*(pl.col(name).eq_missing(name) for name in names))
        frame = frame.with_columns(repeats.alias(HEADER))
    if layout.separator in ";\t":
        frame, _ = with_decimal_points(frame, are_sure=True)
    return frame


def _records(lines: list[bytes], separator: str) -> tuple[list[bytes], list[int]]:
    """The header and the records of a file, and the numbers of the lines that belong to no record.

    A quoted cell may contain line breaks. So an open quote reaches to the next line with an odd
    number of quotes, if these lines together are one record and none of them is a record by itself.
    """
    n = _fields(lines[0], separator)
    good, bad, i = lines[:1], [], 1
    while i < len(lines):
        end = i + 1
        if lines[i].count(b'"') % 2:
            later = range(i + 1, min(i + _CELL_LINES, len(lines)))
            closing = next((j for j in later if lines[j].count(b'"') % 2), i)
            whole = b"\n".join(lines[i : closing + 1])
            if _fields(whole, separator) == n and all(
                _fields(x, separator) != n for x in lines[i : closing + 1]
            ):
                good.append(whole)
                end = closing + 1
            else:
                bad.append(i)
        else:
            good.append(lines[i])
        i = end
    return good, bad


def _fields(record: bytes, separator: str) -> int:
    """The number of fields of one record; -1 if it is not one record."""
    text = io.StringIO(record.decode("utf-8", "replace"))
    try:
        rows = list(csv.reader(text, delimiter=separator, strict=True))
    except csv.Error:
        return -1
    return len(rows[0]) if len(rows) == 1 else -1
