"""Standard input, given as the path `-`, to a temporary file that the readers open."""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import polars as pl

STANDARD_INPUT = Path("-")
_ARROW_STREAM = b"\xff\xff\xff\xff"
_SUFFIXES = (
    (b"PAR1", ".parquet"),
    (b"ARROW1", ".arrow"),
    (b"\x1f\x8b", ".csv.gz"),
    (b"\x28\xb5\x2f\xfd", ".csv.zst"),
)
_START_BYTES = 1 << 12


@contextmanager
def spooled(paths: Sequence[Path], stream: BinaryIO | None = None) -> Iterator[list[Path]]:
    """The paths, with a temporary copy of standard input in place of `-`.

    The first bytes tell CSV, JSONL, Parquet and Arrow files and streams apart.

    Args:
        stream: Read instead of standard input.
    """
    if STANDARD_INPUT not in paths:
        yield list(paths)
        return
    with tempfile.TemporaryDirectory(prefix="m6rec-") as folder:
        copy = _write(stream or sys.stdin.buffer, Path(folder))
        yield [copy if path == STANDARD_INPUT else path for path in paths]


def _write(stream: BinaryIO, folder: Path) -> Path:
    start = stream.read(_START_BYTES)
    path = folder / f"stdin{_suffix(start)}"
    with path.open("wb") as file:
        file.write(start)
        shutil.copyfileobj(stream, file)
    if not start.startswith(_ARROW_STREAM):
        return path
    arrow = folder / "stdin.arrow"
    pl.read_ipc_stream(path).write_ipc(arrow)
    return arrow


def _suffix(start: bytes) -> str:
    for magic, suffix in _SUFFIXES:
        if start.startswith(magic):
            return suffix
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return ".jsonl" if text.startswith((b"{", b"[")) else ".csv"
