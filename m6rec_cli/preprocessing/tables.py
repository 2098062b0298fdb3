"""A path to a table: the suffix chooses the reader, and errors name the file."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import polars as pl

from m6rec_cli.preprocessing import encodings, local_copies, swallowed_lines
from m6rec_cli.preprocessing.columns import simple_types
from m6rec_cli.preprocessing.columns.decimal_commas import with_decimal_points
from m6rec_cli.preprocessing.readers._base import EXTRA, HEADER, OWN, is_pattern, refuse_patterns
from m6rec_cli.preprocessing.table_files import files_of, reader_of
from m6rec_cli.system import file_faults
from m6rec_cli.system.errors import M6RecError

ID = f"{OWN}id"
ROW = f"{OWN}row"
"""Number of each record in its file, from 1: for examples, and as the file order."""
PLACE = f"{OWN}place"
"""Place of an event in the order of the log: its `ROW`, unless columns order events of one time."""

_FAULTS = (
    *(pl.exceptions.PolarsError, pl.exceptions.PanicException, zlib.error),
    *(OSError, EOFError, ValueError, RecursionError),
)


class NoRecords(M6RecError):  # noqa: N818 - a night without events is no error of the user
    """A table exists and holds no records."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A readable table.

    Attributes:
        path: As the user gave it; of several, the first, and how many follow.
        frame: Lazy, with the column `ROW` (u32), without unparseable records and repeated headers.
        schema: The types of the user's columns.
        n_rows: Records that can be parsed.
        n_unparseable: Records that cannot.
        first_unparseable: The number of the first of them.
        n_repeated_headers: Lines below the first that repeat the header line.
        first_non_utf8_line: The first line that is not UTF-8.
        encoding: What the file may be instead, by the name that `iconv` has for it.
        more_warnings: What else the user should know about the files.
    """

    path: str
    frame: pl.LazyFrame
    schema: dict[str, pl.DataType]
    n_rows: int
    n_unparseable: int = 0
    first_unparseable: int | None = None
    n_repeated_headers: int = 0
    first_non_utf8_line: int | None = None
    encoding: str | None = None
    more_warnings: tuple[str, ...] = ()

    @property
    def warning(self) -> str | None:
        """A warning for the user about the files."""
        found = list(self.more_warnings)
        if self.first_non_utf8_line is not None:
            convert = encodings.conversion(self.encoding, self.path)
            found.append(
                f"{self.path}, line {self.first_non_utf8_line}: not UTF-8; unreadable letters "
                f"become `\ufffd`. Convert the file: {convert}"
            )
        return "; ".join(found) or None

    def head(self) -> pl.DataFrame:
        """The first 20,000 records; read once, unless they hold files."""
        if pl.Binary in self.schema.values():
            return self._read_head()
        return self._head

    @cached_property
    def _head(self) -> pl.DataFrame:
        return self._read_head()

    def _read_head(self) -> pl.DataFrame:
        return self.frame.head(20_000).collect()


def scan(path: Path | str, what: str, *, no_header: bool = False) -> Table:
    """Open a table of any format, and parse it once to find unparseable records.

    Args:
        what: What the table is for, such as `interactions`; errors say it.
        no_header: A text has no header line: its columns are `1`, `2` and so on.

    Raises:
        M6RecError: It does not exist, has an unknown suffix, is damaged or UTF-16 text, which
            spreadsheets write, or no record can be read.
        NoRecords: It is empty.
    """
    path = str(path)
    reader = reader_of(path, what)
    hint = f"was the program that writes it interrupted? It should hold {reader.CONTENT}"
    n_skipped, first_skipped = 0, None
    try:
        if reader.IS_TEXT:
            encodings.require_no_utf_16(path)
        frame, decimals = _simplify(reader.scan(path, no_header=no_header))
        found = _check(frame)
    except _FAULTS as error:
        if isinstance(error, pl.exceptions.NoDataError) or _size(path) == 0:
            raise NoRecords(f"the {what} file is empty", where=path, hint=hint) from None
        try:
            is_file = not (is_pattern(path) or Path(path).is_dir())
            salvaged = reader.salvage(path, no_header=no_header) if is_file else None
            if salvaged is None:
                raise _damaged(what, path, error) from None
            raw, n_skipped, first_skipped = salvaged
            frame, decimals = _simplify(raw)
            found = _check(frame)
        except _FAULTS as second:
            raise _damaged(what, path, second) from None
    n_unparseable = n_skipped + found.n_extra
    n_rows = found.n - found.n_extra - found.n_headers
    if not n_rows:
        if not n_unparseable:
            raise NoRecords(f"the {what} file holds no records", where=path, hint=hint)
        raise M6RecError(
            f"no record of the {what} file can be read",
            where=path,
            hint="has each line as many fields as the header?",
        )
    if EXTRA in frame.collect_schema() and not n_skipped:
        swallowed_lines.require_no_swallowed_lines(path, files_of(Path(path)), frame, found.n)
    frame = frame.with_row_index(ROW, offset=1)
    schema = dict(frame.collect_schema())
    if found.n_extra:
        frame = frame.filter(~pl.col(EXTRA))
    if found.n_headers:
        frame = frame.filter(~pl.col(HEADER))
    firsts = [n for n in (first_skipped, found.first_extra) if n is not None]
    bad_line, encoding = encodings.check_file(path) if reader.IS_TEXT else (None, None)
    return Table(
        path=local_copies.address_of(path),
        frame=frame.drop(EXTRA, HEADER, strict=False),
        schema={name: kind for name, kind in schema.items() if name not in (ROW, EXTRA, HEADER)},
        n_rows=n_rows,
        n_unparseable=n_unparseable,
        first_unparseable=min(firsts, default=None),
        n_repeated_headers=found.n_headers,
        first_non_utf8_line=bad_line,
        encoding=encoding,
        more_warnings=_decimal_warnings(local_copies.address_of(path), decimals),
    )


def _simplify(frame: pl.LazyFrame) -> tuple[pl.LazyFrame, dict[str, str]]:
    """Simple types and decimal points; the columns whose commas are read as points."""
    refuse_patterns(frame.collect_schema().names())
    return with_decimal_points(simple_types.simplify_types(frame))


def _decimal_warnings(path: str, decimals: dict[str, str]) -> tuple[str, ...]:
    columns = ", ".join(f"`{name}` (first: `{example}`)" for name, example in decimals.items())
    return (f"{path}: commas are read as decimal points in {columns}",) if decimals else ()


def scan_all(paths: Sequence[Path | str], what: str, *, no_header: bool = False) -> Table:
    """Open several tables as one, in the given order; see `scan`.

    Columns are matched by name. A column that some of the files lack is null in their rows, with a
    warning. Row numbers go on from file to file.
    """
    tables = [scan(path, what, no_header=no_header) for path in paths]
    if len(tables) == 1:
        return tables[0]
    frames, offset = [], 0
    for table in tables:
        frames.append(table.frame.with_columns(pl.col(ROW) + pl.lit(offset, pl.UInt32)))
        offset += table.n_rows + table.n_unparseable + table.n_repeated_headers
    frame = pl.concat(frames, how="diagonal_relaxed")
    schema = dict(frame.collect_schema())
    missing = [
        f"{table.path} has no column `{name}`"
        for table in tables
        for name in schema
        if name != ROW and name not in table.schema
    ]
    odd = next((table for table in tables if table.first_non_utf8_line is not None), None)
    return replace(
        odd or tables[0],
        path=odd.path if odd else f"{tables[0].path} and {len(tables) - 1} more",
        frame=frame,
        schema={name: kind for name, kind in schema.items() if name != ROW},
        n_rows=sum(table.n_rows for table in tables),
        n_unparseable=sum(table.n_unparseable for table in tables),
        first_unparseable=next((t.first_unparseable for t in tables if t.first_unparseable), None),
        n_repeated_headers=sum(table.n_repeated_headers for table in tables),
        more_warnings=(
            *missing[:3],
            *dict.fromkeys(warning for table in tables for warning in table.more_warnings),
        ),
    )


class _Counts(NamedTuple):
    """What one pass over a table finds."""

    n: int
    n_extra: int
    first_extra: int | None
    n_headers: int


def _check(frame: pl.LazyFrame) -> _Counts:
    """Parse every cell once; count the records, those with too many fields, and headers."""
    names = frame.collect_schema().names()
    if not names:
        raise pl.exceptions.NoDataError("no columns")
    extra = pl.col(EXTRA) if EXTRA in names else pl.lit(False)
    header = pl.col(HEADER) if HEADER in names else pl.lit(False)
    counts = (
        frame.with_row_index(ROW, offset=1)
        .select(
            pl.len().alias("n"),
            extra.sum().alias("extra"),
            pl.col(ROW).filter(extra).min().alias("first"),
            (header & ~extra).sum().alias("headers"),
            *(pl.col(name).null_count().alias(f"null {name}") for name in names),
        )
        .collect(engine="streaming")
    )
    n, n_extra, first, n_headers = counts.row(0)[:4]
    return _Counts(n, n_extra or 0, first, n_headers or 0)


def _damaged(what: str, path: str, error: BaseException) -> M6RecError:
    reason = file_faults.first_line(error)
    return M6RecError(f"the {what} file cannot be read: {reason}", where=path)


def _size(path: str) -> int | None:
    place = Path(path)
    return place.stat().st_size if place.is_file() else None
