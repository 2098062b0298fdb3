"""Standard input becomes a file of the format of its first bytes."""

import gzip
import io
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from m6rec_cli.preprocessing import tables
from m6rec_cli.preprocessing.local_copies import local_tables
from m6rec_cli.preprocessing.sources import standard_input
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from tests.preprocessing.sources.opening import FRAME, read


def _bytes(write: Callable[[io.BytesIO], object]) -> bytes:
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        FRAME.write_csv().encode(),
        FRAME.write_csv(separator="\t").encode(),
        gzip.compress(FRAME.write_csv().encode(), mtime=0),
        FRAME.write_ndjson().encode(),
        b'[{"user":"a","item":"007"},{"user":"b","item":"y"}]',
        _bytes(FRAME.write_parquet),
        _bytes(FRAME.write_ipc),
        _bytes(FRAME.write_ipc_stream),
    ],
    ids=("csv", "tsv", "csv.gz", "jsonl", "json", "parquet", "ipc", "ipc-stream"),
)
def test_write_tells_formats_apart_by_their_first_bytes(data: bytes, tmp_path: Path) -> None:
    path = standard_input.write(io.BytesIO(data), tmp_path)
    got = tables.scan(path, "interactions").frame.collect()
    assert got.select("user", "item").rows() == FRAME.rows()


def _pipe(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))


def test_standard_input_is_read_as_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    _pipe(monkeypatch, FRAME.write_csv().encode())
    assert read("-").rows() == FRAME.rows()


def test_standard_input_named_twice_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    _pipe(monkeypatch, FRAME.write_csv().encode())
    with (
        pytest.raises(M6RecError, match="standard input is named twice"),
        local_tables(["-"], "-", None, SilentReporter()),
    ):
        pass
