"""A path to a table: the suffix chooses the reader, and errors name the file."""

import codecs
import glob
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from m6rec_cli.preprocessing.columns import simple_types
from m6rec_cli.preprocessing.readers._base import (
    EXTRA,
    READERS,
    Reader,
    files_of_folder,
    is_pattern,
    read_start,
)
from m6rec_cli.system.errors import M6RecError, missing_path_hint

ROW = "__row"
"""Number of each record in its file, from 1: for examples, and as the file order."""

_ENCODING_CHECK_BYTES = 1 << 25
_FAULTS = (pl.exceptions.PolarsError, OSError, UnicodeDecodeError)


class NoRecords(M6RecError):  # noqa: N818 - a night without events is no error of the user
    """A table exists and holds no records."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A readable table.

    Attributes:
        path: As the user gave it.
        frame: Lazy, with the column `ROW` (u32), without unparseable records.
        schema: The types of the user's columns.
        n_rows: Records that can be parsed.
        n_unparseable: Records that cannot.
        first_unparseable: The number of the first of them.
        first_non_utf8_line: The first line that is not UTF-8.
    """

    path: str
    frame: pl.LazyFrame
    schema: dict[str, pl.DataType]
    n_rows: int
    n_unparseable: int = 0
    first_unparseable: int | None = None
    first_non_utf8_line: int | None = None

    @property
    def warning(self) -> str | None:
        """A warning for the user about the file's encoding."""
        if self.first_non_utf8_line is None:
            return None
        return (
            f"{self.path}, line {self.first_non_utf8_line}: not UTF-8; unreadable letters become "
            "`\ufffd`. For a file from Windows: `iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW_FILE`"
        )

    def head(self, n: int = 20_000) -> pl.DataFrame:
        """The first `n` records."""
        return self.frame.head(n).collect()


def scan(path: Path | str, what: str) -> Table:
    """Open a table of any format, and parse it once to find unparseable records.

    Args:
        what: What the table is for, such as `interactions`; errors say it.

    Raises:
        M6RecError: It does not exist, has an unknown suffix, is damaged, or no record can be read.
        NoRecords: It is empty.
    """
    path = str(path)
    reader = _reader_of(path, what)
    hint = f"was the program that writes it interrupted? It should hold {reader.CONTENT}"
    n_skipped, first_skipped = 0, None
    try:
        frame = simple_types.simplify_types(reader.scan(path))
        n_rows, n_extra, first_extra = _check(frame)
    except _FAULTS as error:
        if isinstance(error, pl.exceptions.NoDataError) or _size(path) == 0:
            raise NoRecords(f"the {what} file is empty", where=path, hint=hint) from None
        try:
            is_file = not (is_pattern(path) or Path(path).is_dir())
            salvaged = reader.salvage(path) if is_file else None
            if salvaged is None:
                raise _damaged(what, path, error) from None
            frame, n_skipped, first_skipped = salvaged
            frame = simple_types.simplify_types(frame)
            n_rows, n_extra, first_extra = _check(frame)
        except _FAULTS as second:
            raise _damaged(what, path, second) from None
    n_unparseable = n_skipped + n_extra
    if n_rows == n_extra:
        if not n_unparseable:
            raise NoRecords(f"the {what} file holds no records", where=path, hint=hint)
        raise M6RecError(
            f"no record of the {what} file can be read",
            where=path,
            hint="has each line as many fields as the header?",
        )
    frame = frame.with_row_index(ROW, offset=1)
    schema = dict(frame.collect_schema())
    if EXTRA in schema:
        frame = frame.filter(~pl.col(EXTRA)).drop(EXTRA)
    firsts = [n for n in (first_skipped, first_extra) if n is not None]
    return Table(
        path=path,
        frame=frame,
        schema={name: kind for name, kind in schema.items() if name not in (ROW, EXTRA)},
        n_rows=n_rows - n_extra,
        n_unparseable=n_unparseable,
        first_unparseable=min(firsts, default=None),
        first_non_utf8_line=first_non_utf8_line(path) if reader.IS_TEXT else None,
    )


def require_single_values(table: Table, name: str, role: str) -> None:
    """Raise unless the column `name`, which has the role `role`, holds one value per cell."""
    kind = table.schema[name]
    if kind.is_nested() or kind == pl.Binary:
        holds = "bytes" if kind == pl.Binary else "lists or objects"
        raise M6RecError(
            f"the column `{name}`, which the schema names as the {role}, holds {holds}",
            where=f"{table.path}, column `{name}`: {kind}",
            hint="each cell must hold one number or one text: write the values to another column, "
            "or name another one",
        )


def first_non_utf8_line(path: str, n_bytes: int = _ENCODING_CHECK_BYTES) -> int | None:
    """The number of the first line that is not UTF-8, within the first `n_bytes`."""
    data = read_start(path, n_bytes)
    try:
        codecs.utf_8_decode(data, "strict", False)  # the last letter may be cut off
    except UnicodeDecodeError as error:
        return data.count(b"\n", 0, error.start) + 1
    return None


def files_of(path: Path) -> list[Path]:
    """The files that `scan` reads for a path: a file, a glob, or a folder."""
    if path.is_dir():
        return _folder_reader(path)[1]
    if path.exists():
        return [path]
    return sorted(p for p in map(Path, glob.glob(str(path), recursive=True)) if p.is_file())  # noqa: PTH207 - may be absolute


def _reader_of(path: str, what: str) -> Reader:
    place = Path(path)
    if place.is_dir():
        reader, _ = _folder_reader(place)
        if reader:
            return reader
        raise M6RecError(
            f"the {what} folder holds no Parquet file",
            where=path,
            hint="name a file, a glob in quotes, or a folder of Parquet files",
        )
    if not place.exists() and not glob.glob(path, recursive=True):  # noqa: PTH207 - may be absolute
        raise M6RecError(
            f"the {what} file does not exist",
            where=path,
            hint=None if glob.has_magic(path) else missing_path_hint(path),
        )
    by_suffix = {suffix: reader for reader in _readers() for suffix in reader.SUFFIXES}
    suffixes = [s for s in by_suffix if place.name.lower().endswith(s)]
    if suffixes:
        return by_suffix[max(suffixes, key=len)]
    hint = "known: " + " ".join(sorted(by_suffix))
    if place.name.lower().endswith((".json", ".json.gz")):
        hint = "if each line is a JSON object, name it `.jsonl` or `.jsonl.gz`"
    raise M6RecError(f"no reader knows the suffix of the {what} file", where=path, hint=hint)


def _readers() -> list[Reader]:
    return [READERS.load(name) for name in READERS.names()]


def _folder_reader(folder: Path) -> tuple[Reader | None, list[Path]]:
    """The reader for a folder, and the files that it reads there."""
    for reader in _readers():
        if reader.READS_FOLDERS and (files := files_of_folder(folder, reader.SUFFIXES)):
            return reader, files
    return None, []


def _check(frame: pl.LazyFrame) -> tuple[int, int, int | None]:
    """Parse every cell once.

    Returns:
        The number of records, of those with too many fields, and the number of the first of these.
    """
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
    n, n_extra, first = counts.row(0)[:3]
    return n, n_extra or 0, first


def _damaged(what: str, path: str, error: Exception) -> M6RecError:
    reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return M6RecError(f"the {what} file cannot be read: {reason}", where=path)


def _size(path: str) -> int | None:
    place = Path(path)
    return place.stat().st_size if place.is_file() else None
