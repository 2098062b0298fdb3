"""Standard input, given as `-`, to a file of the format of its first bytes."""

import shutil
import sys
from pathlib import Path
from typing import BinaryIO

import polars as pl

from m6rec_cli.preprocessing.readers._base import read_start
from m6rec_cli.preprocessing.sources._base import Copy
from m6rec_cli.system.disk_errors import note_output
from m6rec_cli.system.progress import Reporter

FORM = "-"
_ARROW_STREAM = b"\xff\xff\xff\xff"
_SUFFIXES = (
    (b"PAR1", ".parquet"),
    (b"ARROW1", ".arrow"),
    (b"\x1f\x8b", ".csv.gz"),
    (b"\x28\xb5\x2f\xfd", ".csv.zst"),
)
_START_BYTES = 1 << 12


def claims(address: str) -> bool:
    """See `Source.claims`."""
    return address == FORM


def copy(address: str, what: str, folder: Path, report: Reporter) -> Copy:
    """See `Source.copy`."""
    note_output(folder)
    path = write(sys.stdin.buffer, folder)
    return Copy(path, path)


def write(stream: BinaryIO, folder: Path) -> Path:
    """Copy a stream; the first bytes tell CSV, JSONL, Parquet and Arrow files and streams apart.

    Those of packed text are looked at unpacked.
    """
    start = stream.read(_START_BYTES)
    path = folder / f"stdin{_suffix(start)}"
    with path.open("wb") as file:
        file.write(start)
        shutil.copyfileobj(stream, file)
    if path.suffix in (".gz", ".zst") and _is_json(read_start(str(path), _START_BYTES)):
        return path.rename(folder / f"stdin.jsonl{path.suffix}")
    if not start.startswith(_ARROW_STREAM):
        return path
    arrow = folder / "stdin.arrow"
    pl.read_ipc_stream(path).write_ipc(arrow)
    return arrow


def _suffix(start: bytes) -> str:
    for magic, suffix in _SUFFIXES:
        if start.startswith(magic):
            return suffix
    return ".jsonl" if _is_json(start) else ".csv"


def _is_json(start: bytes) -> bool:
    return start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"["))
