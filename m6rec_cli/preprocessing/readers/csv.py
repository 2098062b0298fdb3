"""Comma, semicolon, pipe or tab separated text, plain or gzip, to a lazy frame of strings.

Every column is read as text, so an id such as `007` or `1.0` stays as it is; values are parsed
later, by the role of their column. A line with too many fields is marked in `EXTRA`; one with too
few ends in nulls. In files with semicolons, decimal commas become points.
"""

import codecs
import csv
import gzip
import io
from pathlib import Path

import polars as pl

from m6rec_cli.preprocessing.columns.cell_values import MISSING_OR_NA
from m6rec_cli.preprocessing.readers._base import EXTRA, Salvaged, read_start
from m6rec_cli.preprocessing.readers._delimited import scan_strings
from m6rec_cli.system.errors import M6RecError

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".txt", ".txt.gz")
CONTENT = "a header line and records below"
IS_TEXT = True
READS_FOLDERS = False
_SEPARATORS = (",", "\t", ";", "|")
_NUMBER = r"^[-+]?\s*[$€£¥]?\s*(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?\s*[$€£¥]?$"
"""A number that may have points between thousands and a decimal comma."""
_DECIMAL_COMMA = r"(?:^|\D)0,|,(?:\d{1,2}|\d{4,})(?:\D|$)"
"""A comma that cannot separate thousands."""
_CELL_LINES = 50
"""Most lines of one quoted cell, when a file with broken quotes is read."""
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def scan(path: str) -> pl.LazyFrame:
    """Scan a file or a glob; every column String, with the marker column `EXTRA`.

    Raises:
        M6RecError: It is UTF-16 text, which spreadsheets write.
    """
    if read_start(path, 2) in _UTF_16:
        raise M6RecError(
            "the file is UTF-16 text, and only UTF-8 can be read",
            where=path,
            hint="convert it: `iconv -f UTF-16 -t UTF-8 FILE > NEW_FILE`",
        )
    separator = separator_of(path)
    return _with_decimal_points(scan_strings(path, separator), separator)


def salvage(path: str) -> Salvaged | None:
    """Read a file with broken quotes: leaves out the lines whose quotes do not match."""
    raw = (
        gzip.decompress(Path(path).read_bytes())
        if path.endswith(".gz")
        else Path(path).read_bytes()
    )
    separator = separator_of(path)
    records, bad = _records(raw.splitlines(), separator)
    good = b"\n".join(records)
    frame = scan_strings(good, separator)
    try:
        frame.collect()
    except pl.exceptions.ComputeError:
        # Lines with an even number of misplaced quotes: read quotes as ordinary characters.
        frame = scan_strings(good, separator, quote_char=None)
    return Salvaged(_with_decimal_points(frame, separator), len(bad), bad[0] if bad else None)


def separator_of(path: str) -> str:
    """A tab for `.tsv`; otherwise the most frequent candidate in the header line."""
    if ".tsv" in Path(path).name:
        return "\t"
    return max(_SEPARATORS, key=_header_line(path).count)


def _header_line(path: str) -> str:
    return read_start(path, 1 << 20, line=True).decode("utf-8", "replace")


def _with_decimal_points(frame: pl.LazyFrame, separator: str) -> pl.LazyFrame:
    """Replace decimal commas by points in a file with semicolons."""
    if separator != ";":
        return frame
    head = frame.head(1000).collect()
    names = [n for n in head.columns if n != EXTRA and _has_decimal_commas(head[n])]
    cells = [pl.col(name).str.strip_chars() for name in names]
    return frame.with_columns(
        pl.when(cell.str.contains(_NUMBER))
        .then(cell.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True))
        .otherwise(cell)
        .alias(name)
        for name, cell in zip(names, cells, strict=True)
    )


def _has_decimal_commas(cells: pl.Series) -> bool:
    known = cells.drop_nulls().str.strip_chars()
    known = known.filter(~known.is_in(MISSING_OR_NA))
    return (
        len(known) > 0
        and known.str.contains(_NUMBER).all()
        and known.str.contains(_DECIMAL_COMMA).any()
    )


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
