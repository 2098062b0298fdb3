"""Comma, semicolon or tab separated text, plain or gzip, to a lazy frame of strings.

Every column is read as text: an id such as `007` or `1.0` stays what it is, and values are parsed where
their meaning is known. A line with too many fields is marked in the column `EXTRA`; one with too few has
nulls at its end. Decimal commas, which go with semicolons, become points. `salvage` reads a file whose quotes are broken,
line by line.
"""

import codecs
import csv
import glob
import gzip
import io
from pathlib import Path

import polars as pl

from m6rec_cli.preprocessing.columns.cell_values import NO_WORD
from m6rec_cli.system.errors import M6RecError

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".txt", ".txt.gz")
EXTRA = "__extra"
_SEPARATORS = (",", "\t", ";", "|")
_NUMBER = r"^[-+]?\s*[$€£¥]?\s*(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d+)?\s*[$€£¥]?$"
_DECIMAL = r"(?:^|\D)0,|,(?:\d{1,2}|\d{4,})(?:\D|$)"
"""A comma that separates no thousands."""
_CELL_LINES = 50
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_LOOKED_AT = 1 << 25


def scan(path: str) -> pl.LazyFrame:
    """Scan a file or a glob; every column String, with the marker column `EXTRA`.

    Raises:
        M6RecError: It is UTF-16 text, as spreadsheets write it.
    """
    if _first_bytes(path, 2) in _UTF_16:
        raise M6RecError(
            "the file is UTF-16 text, and UTF-8 is read",
            where=path,
            hint="convert it: `iconv -f UTF-16 -t UTF-8 FILE > NEW_FILE`",
        )
    separator = separator_of(path)
    return _with_points(marked(path, separator), separator)


def marked(source: str | bytes, separator: str, quote_char: str | None = '"') -> pl.LazyFrame:
    """Scan with one column more than the header names, which only a line that is too long fills."""
    pattern = isinstance(source, str) and is_pattern(source)
    header = pl.scan_csv(
        source,
        separator=separator,
        infer_schema=False,
        quote_char=quote_char,
        n_rows=0,
        truncate_ragged_lines=True,
        glob=pattern,
    ).collect_schema()
    return pl.scan_csv(
        source,
        separator=separator,
        schema={**dict.fromkeys(header, pl.String), EXTRA: pl.String},
        quote_char=quote_char,
        truncate_ragged_lines=True,
        missing_columns="insert",
        encoding="utf8-lossy",
        glob=pattern,
    ).with_columns(pl.col(EXTRA).is_not_null())


def separator_of(path: str) -> str:
    """A tab for `.tsv`; otherwise the candidate that the header line holds most often."""
    if ".tsv" in Path(path).name:
        return "\t"
    header = first_line(path)
    return max(_SEPARATORS, key=header.count)


def first_line(path: str) -> str:
    """The header line of the first file that `path` names."""
    return _first_bytes(path, 1 << 20, line=True).decode("utf-8", "replace")


def _first_bytes(path: str, n: int, *, line: bool = False) -> bytes:
    first = sorted(glob.glob(path, recursive=True))[0] if is_pattern(path) else path  # noqa: PTH207 - may be absolute
    opener = gzip.open if first.endswith(".gz") else open
    with opener(first, "rb") as file:
        return file.readline(n) if line else file.read(n)


def odd_line(path: str) -> int | None:
    """The number of the first line that is no UTF-8, among the first 32 MiB of the first file that `path` names."""
    data = _first_bytes(path, _LOOKED_AT)
    try:
        codecs.utf_8_decode(data, "strict", False)  # a letter may be cut off at the end
    except UnicodeDecodeError as error:
        return data.count(b"\n", 0, error.start) + 1
    return None


def is_pattern(path: str) -> bool:
    """Whether a path names files by a pattern; one that is there has brackets in its name."""
    return glob.has_magic(path) and not Path(path).exists()


def literal(path: str) -> str:
    """A path for a scanner that takes it for a pattern in any case."""
    return path if is_pattern(path) else glob.escape(path)


def _with_points(frame: pl.LazyFrame, separator: str) -> pl.LazyFrame:
    """The columns of a file with semicolons that hold numbers with decimal commas, with points instead."""
    if separator != ";":
        return frame
    head = frame.head(1000).collect()
    names = [name for name in head.columns if name != EXTRA and _has_commas(head[name])]
    plain = [pl.col(name).str.strip_chars() for name in names]
    return frame.with_columns(
        pl.when(cell.str.contains(_NUMBER))
        .then(cell.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True))
        .otherwise(cell)
        .alias(name)
        for name, cell in zip(names, plain, strict=True)
    )


def _has_commas(cells: pl.Series) -> bool:
    known = cells.drop_nulls().str.strip_chars()
    known = known.filter(~known.is_in(NO_WORD))
    return (
        len(known) > 0 and known.str.contains(_NUMBER).all() and known.str.contains(_DECIMAL).any()
    )


def salvage(path: str) -> tuple[pl.LazyFrame, int, int | None]:
    """Read a file that the scanner refuses: lines whose quotes do not fit together are left out.

    Returns:
        The frame of the other lines, the number of lines left out and the first of them (1 is the first
        line after the header).
    """
    raw = (
        gzip.decompress(Path(path).read_bytes())
        if path.endswith(".gz")
        else Path(path).read_bytes()
    )
    separator = separator_of(path)
    records, bad = _records(raw.splitlines(), separator)
    good = b"\n".join(records)
    frame = marked(good, separator)
    try:
        frame.collect()
    except pl.exceptions.ComputeError:
        # Even numbers of quotes in the wrong places: quotes mean nothing in such a file.
        frame = marked(good, separator, quote_char=None)
    return _with_points(frame, separator), len(bad), bad[0] if bad else None


def _records(lines: list[bytes], separator: str) -> tuple[list[bytes], list[int]]:
    """The header and the records of a file, and the numbers of the lines that belong to none.

    A quote that a line leaves open is closed by a later one if the lines between are no records and all of them together
    are one: a cell with line breaks.
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
    """The number of fields of one record, -1 if it is none."""
    try:
        rows = list(
            csv.reader(
                io.StringIO(record.decode("utf-8", "replace")), delimiter=separator, strict=True
            )
        )
    except csv.Error:
        return -1
    return len(rows[0]) if len(rows) == 1 else -1
