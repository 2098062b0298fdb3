"""Standard input becomes a file of the format of its first bytes."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from m6rec_cli.preprocessing import tables
from m6rec_cli.preprocessing.standard_input import STANDARD_INPUT, spooled

FRAME = pl.DataFrame({"user": ["a", "b"], "item": ["x", "y"]})


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
        b'[{"user":"a","item":"x"},{"user":"b","item":"y"}]',
        _bytes(FRAME.write_parquet),
        _bytes(FRAME.write_ipc),
        _bytes(FRAME.write_ipc_stream),
    ],
    ids=("csv", "tsv", "csv.gz", "jsonl", "json", "parquet", "ipc", "ipc-stream"),
)
def test_spooled_tells_formats_apart_by_their_first_bytes(data: bytes) -> None:
    with spooled([STANDARD_INPUT], io.BytesIO(data)) as (path,):
        got = tables.scan(path, "interactions").frame.collect()
        assert got.select("user", "item").rows() == FRAME.rows()
    assert not path.exists()


def test_spooled_leaves_other_paths() -> None:
    with spooled([Path("a.csv")]) as paths:
        assert paths == [Path("a.csv")]
