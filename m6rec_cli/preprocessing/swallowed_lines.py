"""A parsed text file to the error that a stray quote made one record of several lines.

A quote that is open at the end of a line reaches to the next quote, perhaps many lines below: the
lines between become one cell, and their records are lost.
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from m6rec_cli.preprocessing.readers._base import OWN, read_all, read_start
from m6rec_cli.system.errors import M6RecError

_BLOCK = 1 << 24
_ROW, _BREAKS = f"{OWN}record", f"{OWN}breaks"


def require_no_swallowed_lines(
    path: str, files: Sequence[Path], frame: pl.LazyFrame, n: int
) -> None:
    """Raise if a cell holds lines that have as many fields as a record.

    Counts the lines of the files first, which is cheap: only cells with line breaks make more of
    them than records.

    Args:
        frame: The records.
        n: The number of records.

    Raises:
        M6RecError: A cell holds lines of records.
    """
    names = [name for name, kind in frame.collect_schema().items() if kind == pl.String]
    if len(names) < 2 or any(file.name.endswith(".zst") for file in files):
        return
    if sum(map(count_lines, files)) <= n + 2 * len(files):
        return
    breaks = pl.sum_horizontal(
        pl.col(name).str.count_matches("\n", literal=True).fill_null(0) for name in names
    )
    cells = (
        frame.with_row_index(_ROW, offset=1)
        .filter(pl.any_horizontal(pl.col(name).str.contains("\n", literal=True) for name in names))
        .select(_ROW, *names, breaks.alias(_BREAKS))
        .collect(engine="streaming")
        .sort(_ROW)
    )
    before = 0
    for row in cells.iter_rows():
        record, *texts, n_breaks = row
        for text in texts:
            if text and holds_records(text, len(names)):
                line = record + before + 1
                raise M6RecError(
                    "a quote swallows lines: one cell holds whole records",
                    where=f"{path}, from line {line}: `{text.splitlines()[0][:60]}`",
                    hint='remove or double the stray `"`, or if the lines are meant as one cell, '
                    "replace its line breaks by spaces",
                )
        before += n_breaks


def holds_records(cell: str, n_fields: int) -> bool:
    """Whether a cell looks like the end of a record, whole records, and the start of another.

    Then its line breaks come with one separator less than a record has fields. In prose, a space
    follows a comma.
    """
    lines = cell.splitlines()
    if len(lines) < (3 if n_fields == 2 else 2) or ", " in cell:
        return False
    return any(
        cell.count(separator) == (n_fields - 1) * (len(lines) - 1)
        and all(line.count(separator) == n_fields - 1 for line in lines[1:-1])
        for separator in (",", "\t", ";", "|")
    )


def count_lines(file: Path) -> int:
    """The number of line feeds of a file; 0 for a compressed one without quotes at its start."""
    if file.name.endswith(".gz"):
        return read_all(str(file)).count(b"\n") if b'"' in read_start(str(file), 1 << 18) else 0
    n = 0
    with file.open("rb") as source:
        while block := source.read(_BLOCK):
            n += block.count(b"\n")
    return n
