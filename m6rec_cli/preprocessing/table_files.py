"""A path to the files of a table, and to the reader that their suffix chooses."""

import glob
from pathlib import Path

from m6rec_cli.preprocessing.file_sizes import require_readable_size
from m6rec_cli.preprocessing.readers._base import READERS, Reader, files_of_folder, read_start
from m6rec_cli.system.errors import M6RecError, missing_path_hint

_START_BYTES = 1 << 14


def files_of(path: Path) -> list[Path]:
    """The files that are read for a path: a file, a glob, or a folder."""
    if path.is_dir():
        return _folder_reader(path)[1]
    if path.exists():
        return [path]
    return sorted(p for p in map(Path, glob.glob(str(path), recursive=True)) if p.is_file())  # noqa: PTH207 - may be absolute


def reader_of(path: str, what: str) -> Reader:
    """The reader for a path.

    Args:
        what: What the table is for; errors say it.

    Raises:
        M6RecError: Nothing is there, or the suffix is unknown.
    """
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
    if place.exists() and not place.is_file():
        raise M6RecError(
            f"the {what} file is a pipe or a device, and only files are read",
            where=path,
            hint="write a file first; several commands read standard input as `-`",
        )
    reader = _reader_of_files(place, what)
    for file in files_of(place):
        require_readable_size(file, what, is_text=reader.IS_TEXT)
    return reader


def _reader_of_files(place: Path, what: str) -> Reader:
    """The reader for a file or a glob, by its suffix or its content."""
    by_suffix = {suffix: reader for reader in _readers() for suffix in reader.SUFFIXES}
    suffixes = [s for s in by_suffix if place.name.lower().endswith(s)]
    if suffixes:
        return by_suffix[max(suffixes, key=len)]
    if reader := _reader_by_content(files_of(place)):
        return reader
    hint = "known: " + " ".join(sorted(by_suffix))
    if place.name.lower().endswith((".xlsx", ".xls", ".ods")):
        hint = "save the sheet as CSV in UTF-8"
    raise M6RecError(f"no reader knows the suffix of the {what} file", where=str(place), hint=hint)


def _reader_by_content(files: list[Path]) -> Reader | None:
    """The reader for text with another suffix or none, such as `part-00000`; None if it is none."""
    if not files:
        return None
    try:
        start = read_start(str(files[0]), _START_BYTES)
    except OSError:
        return None
    whole = start if len(start) < _START_BYTES else start[: start.rfind(b"\n") + 1]
    lines = [line.strip() for line in whole.splitlines() if line.strip()]
    if len(lines) < 2 or any(byte < 32 and byte not in b"\t\n\r\f" for byte in start):
        return None
    if all(line.startswith(b"{") for line in lines):
        return READERS.load("jsonl")
    is_table = any(all(s in line for line in lines) for s in (b",", b"\t", b";", b"|", b"::"))
    return READERS.load("csv") if is_table else None


def _readers() -> list[Reader]:
    return [READERS.load(name) for name in READERS.names()]


def _folder_reader(folder: Path) -> tuple[Reader | None, list[Path]]:
    """The reader for a folder, and the files that it reads there."""
    for reader in _readers():
        if reader.READS_FOLDERS and (files := files_of_folder(folder, reader.SUFFIXES)):
            return reader, files
    return None, []
