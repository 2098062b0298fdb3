"""A path to a table: the reader is chosen by suffix, and faults name the file."""

import glob
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from m6rec_cli.preprocessing.columns import simple_types
from m6rec_cli.preprocessing.readers.csv import EXTRA, is_pattern, odd_line
from m6rec_cli.preprocessing.readers.parquet import parts_of
from m6rec_cli.system import registry
from m6rec_cli.system.errors import M6RecError, not_there

ROW = "__row"
"""Number of a record in its file, from 1, which cleaning examples and file order are taken from."""

_TEXT = ("csv", "recbole", "jsonl")
_FAULTS = (pl.exceptions.PolarsError, OSError, UnicodeDecodeError)


class NoRecords(M6RecError):  # noqa: N818 - a night without events is no fault
    """A table is there, and nothing is in it."""


@dataclass(frozen=True)
class Table:
    """A readable table.

    Attributes:
        path: As the user gave it.
        frame: Lazy, with the column `ROW` (u32), without the records that could not be parsed.
        schema: The user's columns with their types.
        n_rows: Records that could be parsed.
        n_bad: Records that could not.
        first_bad: The number of the first of them.
        odd_line: The first line that is no UTF-8 text, if there is one.
    """

    path: str
    frame: pl.LazyFrame
    schema: dict[str, pl.DataType]
    n_rows: int
    n_bad: int = 0
    first_bad: int | None = None
    odd_line: int | None = None

    @property
    def doubt(self) -> str | None:
        """What is to be warned of."""
        if self.odd_line is None:
            return None
        return (
            f"{self.path}, line {self.odd_line}: no UTF-8 text; letters that cannot be read become `\ufffd`. If it comes from "
            "Windows, convert it: `iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW_FILE`"
        )

    def head(self, n: int = 20_000) -> pl.DataFrame:
        """The first `n` records."""
        return self.frame.head(n).collect()


def scan(path: Path | str, what: str) -> Table:
    """Open a table; `what` says in an error what it is for, such as `interactions`.

    One pass over the file finds what cannot be parsed, before anything is built on it.

    Raises:
        M6RecError: It does not exist, has an unknown suffix, holds no records or is damaged.
    """
    path = str(path)
    name = _reader_of(path, what)
    reader = registry.load("preprocessing.readers", name)
    wanted = "a header line and records below" if name in ("csv", "recbole") else "records"
    wanted = f"was what writes it interrupted? It should have {wanted}"
    bad, first_bad = 0, None
    try:
        frame = simple_types.columns(reader.scan(path))
        n_rows, extra, first_extra = _check(frame)
    except _FAULTS as error:
        if isinstance(error, pl.exceptions.NoDataError) or _size(path) == 0:
            raise NoRecords(f"the {what} file is empty", where=path, hint=wanted) from None
        if not hasattr(reader, "salvage") or is_pattern(path) or Path(path).is_dir():
            raise _damaged(what, path, error) from None
        try:
            frame, bad, first_bad = reader.salvage(path)
            frame = simple_types.columns(frame)
            n_rows, extra, first_extra = _check(frame)
        except _FAULTS as second:
            raise _damaged(what, path, second) from None
    if n_rows - extra == 0 and not bad + extra:
        raise NoRecords(f"the {what} file holds no records", where=path, hint=wanted)
    if n_rows - extra == 0:
        raise M6RecError(
            f"no record of the {what} file can be read",
            where=path,
            hint="has each line as many fields as the header?",
        )
    frame = frame.with_row_index(ROW, offset=1)
    schema = dict(frame.collect_schema())
    if EXTRA in schema:
        frame = frame.filter(~pl.col(EXTRA)).drop(EXTRA)
    columns = {name: kind for name, kind in schema.items() if name not in (ROW, EXTRA)}
    firsts = [n for n in (first_bad, first_extra) if n is not None]
    odd = odd_line(path) if name in _TEXT else None
    return Table(path, frame, columns, n_rows - extra, bad + extra, min(firsts, default=None), odd)


def require_single(table: Table, name: str, role: str) -> None:
    """Raise unless a column that the schema names as `role` holds one value a cell."""
    kind = table.schema[name]
    if kind.is_nested() or kind == pl.Binary:
        holds = "bytes" if kind == pl.Binary else "lists or objects"
        raise M6RecError(
            f"the column `{name}`, which the schema names as the {role}, holds {holds}",
            where=f"{table.path}, column `{name}`: {kind}",
            hint="a cell must hold one number or one text: write it to a column of its own, or name another one",
        )


def _reader_of(path: str, what: str) -> str:
    by_suffix = {
        suffix: name
        for name in registry.names("preprocessing.readers")
        for suffix in registry.load("preprocessing.readers", name).SUFFIXES
    }
    place = Path(path)
    if place.is_dir():
        if parts_of(place):
            return "parquet"
        raise M6RecError(
            f"the {what} folder holds no Parquet file",
            where=path,
            hint="name a file, a glob in quotes, or a folder of Parquet files",
        )
    if not place.exists() and not glob.glob(path, recursive=True):  # noqa: PTH207 - patterns may be absolute
        raise M6RecError(
            f"the {what} file does not exist",
            where=path,
            hint=None if glob.has_magic(path) else not_there(path),
        )
    suffixes = [s for s in by_suffix if place.name.lower().endswith(s)]
    if not suffixes:
        hint = "known: " + " ".join(sorted(by_suffix))
        if place.name.lower().endswith((".json", ".json.gz")):
            hint = "if each line is a JSON object, name it `.jsonl` or `.jsonl.gz`"
        raise M6RecError(
            f"the {what} file has a suffix that no reader knows", where=path, hint=hint
        )
    return by_suffix[max(suffixes, key=len)]


def _check(frame: pl.LazyFrame) -> tuple[int, int, int | None]:
    """Parse all of it once: records, records too long, the number of the first of these."""
    names = frame.collect_schema().names()
    if not names:
        raise pl.exceptions.NoDataError("no columns")
    extra = pl.col(EXTRA) if EXTRA in names else pl.lit(False)
    counts = (
        frame.with_row_index(ROW, offset=1)
        .select(
            pl.len().alias("n"),
            extra.sum().alias("extra"),
            pl.col(ROW).filter(extra).min().alias("first"),
            *(pl.col(name).null_count().alias(f"null {name}") for name in names),
        )
        .collect(engine="streaming")
    )
    n, bad, first = counts.row(0)[:3]
    return n, bad or 0, first


def _damaged(what: str, path: str, error: Exception) -> M6RecError:
    reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return M6RecError(f"the {what} file cannot be read: {reason}", where=path)


def _size(path: str) -> int | None:
    place = Path(path)
    return place.stat().st_size if place.is_file() else None
