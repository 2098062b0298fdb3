"""The first lines of a delimited file to its layout: separator, line ends, header line."""

import codecs
import contextlib
import csv
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from m6rec_cli.preprocessing.columns.cell_values import MISSING_OR_NA
from m6rec_cli.preprocessing.readers import _plain_quotes as plain_quotes
from m6rec_cli.preprocessing.readers._base import read_start
from m6rec_cli.preprocessing.readers._delimited import Layout

_SEPARATORS = (",", "\t", ";", "|")
_LONG_SEPARATOR = "::"
_PLAIN_QUOTES = ("\t", "|", _LONG_SEPARATOR)
"""Separators of files whose quotes may be ordinary characters; in others, quotes protect commas."""
_SEPARATOR_LINE = re.compile(r"^sep=(.)\s*$", re.IGNORECASE)
"""The line above the header by which spreadsheets name the separator."""
_HEAD_BYTES = 1 << 18
_HEAD_LINES = 200
_SHARE = 0.9
_NUMBER = re.compile(r"^[-+]?(?:\d+(?:[.,]\d+)*|\.\d+)(?:[eE][-+]?\d+)?$")
_DATE = re.compile(r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{2,4}(?:\D|$)")

FirstLine = Literal["header", "data", "unclear"]


def find_layout(path: str, *, no_header: bool = False) -> tuple[Layout, FirstLine, list[str]]:
    """Find the layout of a file, or of the first file of a glob.

    Args:
        no_header: Read the first line as data unless it plainly is a header line.

    Returns:
        The layout, what the first line looks like, and its fields.
    """
    data = read_start(path, _HEAD_BYTES).removeprefix(codecs.BOM_UTF8)
    end = "\r" if b"\r" in data and b"\n" not in data else "\n"
    whole = data if len(data) < _HEAD_BYTES else data[: data.rfind(end.encode()) + 1]
    lines = whole.decode("utf-8", "replace").split(end)[: _HEAD_LINES + 1]
    named = _SEPARATOR_LINE.match(lines[0])
    if named:
        lines = lines[1:]
    layout = Layout(
        separator=named[1] if named else _separator_of(path, lines),
        end_of_line=end,
        skip_lines=1 if named else 0,
    )
    if layout.separator in _PLAIN_QUOTES and plain_quotes.are_plain(path, layout):
        layout = replace(layout, quote_char=None)
    records = read_records(lines, layout)
    if not records:
        return layout, "unclear", []
    looks = classify_first_line(records)
    if no_header and looks != "header":
        layout = replace(layout, n_columns=max(map(len, records)))
    return layout, looks, records[0]


def _separator_of(path: str, lines: list[str]) -> str:
    """A tab for `.tsv`, `::` if all lines have it; else what the first line has most often."""
    if ".tsv" in path.replace("\\", "/").rpartition("/")[2]:
        return "\t"
    counts = {line.count(_LONG_SEPARATOR) for line in lines if line.strip()}
    if len(counts) == 1 and 0 not in counts:
        return _LONG_SEPARATOR
    return max(_SEPARATORS, key="".join(lines[:1]).count)


def read_records(lines: list[str], layout: Layout) -> list[list[str]]:
    """The fields of the lines that are not empty, up to the first fault."""
    texts = [line.rstrip("\r") for line in lines]
    if layout.quote_char is None or len(layout.separator) > 1:
        return [[c.strip() for c in text.split(layout.separator)] for text in texts if text]
    records: list[list[str]] = []
    reader = csv.reader((text + "\n" for text in texts), delimiter=layout.separator)
    with contextlib.suppress(csv.Error):
        records.extend([cell.strip() for cell in row] for row in reader if row)
    return records


def classify_first_line(records: Sequence[Sequence[str]]) -> FirstLine:
    """Whether the first record is a header or has the same types as the others.

    A number or a date above numbers or dates is data, and so is a text that occurs again in its
    column. A text above numbers is a header. Consecutive numbers are a header, as data frames
    without column names write them.
    """
    first = list(records[0])
    others = [record for record in records[1:] if list(record) != first]
    is_data = False
    for at, cell in enumerate(first):
        column = [row[at] for row in others if at < len(row) and row[at] not in MISSING_OR_NA]
        if cell in MISSING_OR_NA or not column:
            continue
        is_typed = sum(map(_is_number_or_date, column)) >= _SHARE * len(column)
        if is_typed and not _is_number_or_date(cell):
            return "header"
        is_data |= is_typed or cell in column
    return "data" if is_data and not _is_range(first) else "unclear"


def _is_number_or_date(cell: str) -> bool:
    return _NUMBER.match(cell) is not None or _DATE.match(cell) is not None


def _is_range(cells: Sequence[str]) -> bool:
    """Whether the numbers among the cells are consecutive, as in `item,0,1,2`."""
    numbers = [int(cell) for cell in cells if cell.isdecimal()]
    return len(numbers) > 1 and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
