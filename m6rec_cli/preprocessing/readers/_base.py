"""What a table format defines, and helpers for its paths: a file, a glob, or a folder."""

import glob
import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import polars as pl

from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.registry import Part

OWN = "\ue000"
"""Prefix of the columns that are added to a table: a private letter, which no header has."""
EXTRA = f"{OWN}extra"
"""Column that marks the lines with too many fields."""
HEADER = f"{OWN}header"
"""Column that marks the lines that repeat the header line."""
_ZSTD_LINES = 10_000
_CHECKED_LINES = 500_000
_UNREADABLE = "\ufffd"
"""What Polars makes of bytes that are not UTF-8."""


class Salvaged(NamedTuple):
    """The readable records of a damaged file.

    Attributes:
        n_skipped: Lines left out.
        first_skipped: Number of the first of them, as `Table` counts records.
    """

    frame: pl.LazyFrame
    n_skipped: int
    first_skipped: int | None


class Reader(Protocol):
    """A table format.

    Attributes:
        SUFFIXES: Lower-case file name endings.
        CONTENT: What a good file holds, for errors.
        IS_TEXT: Whether the files are text, which should be UTF-8.
        READS_FOLDERS: Whether a folder of such files is one table.
    """

    SUFFIXES: tuple[str, ...]
    CONTENT: str
    IS_TEXT: bool
    READS_FOLDERS: bool

    def scan(self, path: str, *, no_header: bool = False) -> pl.LazyFrame:
        """Scan a file or a glob, or a folder if the format reads folders.

        May add the columns `EXTRA` and `HEADER`, bool.

        Args:
            no_header: The text has no header line: name its columns `1`, `2` and so on.
        """
        ...

    def salvage(self, path: str, *, no_header: bool = False) -> Salvaged | None:
        """Read what can be read of a file that `scan` refuses; None if the format has no way to."""
        ...


READERS = Part[Reader]("preprocessing.readers")


def is_pattern(path: str) -> bool:
    """Whether a path is a glob and not a file whose name has brackets."""
    return glob.has_magic(path) and not Path(path).exists()


def scan_path(path: str) -> str:
    """A path for Polars scanners that treat every path as a glob: an existing file is escaped."""
    return path if is_pattern(path) else glob.escape(path)


def matching_files(path: str) -> list[str]:
    """The file, or the sorted files of a glob."""
    return sorted(glob.glob(path, recursive=True)) if is_pattern(path) else [path]  # noqa: PTH207 - may be absolute


def read_start(path: str, n: int) -> bytes:
    """The first `n` bytes of the first file that `path` names, decompressed.

    Of a `.zst` file, which Polars decompresses, letters that are not UTF-8 come as `\ufffd`.
    """
    first = matching_files(path)[0]
    if first.endswith(".zst"):
        return "\n".join(_first_lines(first, min(n // 16, _ZSTD_LINES))).encode()[:n]
    opener = gzip.open if first.endswith(".gz") else open
    with opener(first, "rb") as file:
        return file.read(n)


def read_all(path: str) -> bytes:
    """The decompressed bytes of one file."""
    if path.endswith(".zst"):
        return "\n".join(_first_lines(path, None)).encode()
    data = Path(path).read_bytes()
    return gzip.decompress(data) if path.endswith(".gz") else data


def first_unreadable_line(path: str) -> int | None:
    """The number of the first line of a `.zst` file that is not UTF-8, among the first lines."""
    lines = pl.Series(_first_lines(matching_files(path)[0], _CHECKED_LINES), dtype=pl.String)
    found = lines.str.contains(_UNREADABLE, literal=True).arg_true()
    return found[0] + 1 if len(found) else None


def _first_lines(path: str, n: int | None) -> list[str]:
    """Lines of a compressed file; a separator that no text has keeps each line in one piece."""
    lines = pl.read_csv(
        path,
        has_header=False,
        separator="\x1f",
        quote_char=None,
        schema={"line": pl.String},
        n_rows=n,
        truncate_ragged_lines=True,
        encoding="utf8-lossy",
    )
    return [line or "" for line in lines["line"]]


def files_of_folder(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """The sorted files of a folder with one of the suffixes, at any depth.

    Leaves out names that start with `.` or `_`, which other programs use, unless they hold a
    partition value (`_key=value`).
    """

    def is_hidden(file: Path) -> bool:
        return any(
            part.startswith((".", "_")) and "=" not in part
            for part in file.relative_to(folder).parts
        )

    found = (
        file
        for file in folder.rglob("*")
        if file.name.lower().endswith(suffixes) and file.is_file()
    )
    return sorted(file for file in found if not is_hidden(file))


def refuse_patterns(names: Sequence[str]) -> None:
    """Refuse column names that Polars takes for a pattern of names."""
    for name in names:
        if name == "*" or (name.startswith("^") and name.endswith("$")):
            raise M6RecError(
                f"a column is called `{name}`, which stands for several columns",
                hint="rename it",
            )
