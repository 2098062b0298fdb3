"""Raw tables that are cut, overwritten or flipped at random: read, or refused in words."""

import contextlib
import gzip
import io
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from m6rec_cli.cli.run import exit_codes
from tests.faults.long.table import Row, row_of
from tests.stages.shop import preprocessed, write_shop

TRIES = 60


def rows() -> Iterator[Row]:
    """One row for each format of the event log."""
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        tables = write_shop(folder / "shop")
        for file in _formats(tables["interactions"], folder):
            rng, content, found = np.random.default_rng(0), file.read_bytes(), []
            for i in range(TRIES):
                file.write_bytes(_damaged(content, i, rng))
                found.append(_outcome(folder, {**tables, "interactions": file}))
            yield row_of(f"damaged table {file.name}", found)


def _formats(log: Path, folder: Path) -> Iterator[Path]:
    frame = pl.read_csv(log)
    shutil.copy(log, folder / "events.csv")
    (folder / "events.csv.gz").write_bytes(gzip.compress(log.read_bytes()))
    frame.write_ndjson(folder / "events.jsonl")
    frame.write_parquet(folder / "events.parquet")
    frame.write_ipc(folder / "events.arrow")
    for suffix in ("csv", "csv.gz", "jsonl", "parquet", "arrow"):
        yield folder / f"events.{suffix}"


def _damaged(content: bytes, i: int, rng: np.random.Generator) -> bytes:
    """Cut, replaced by noise, or with one or six bits flipped, in turns."""
    if i % 4 == 0:
        return content[: int(rng.integers(len(content)))]
    if i % 4 == 1:
        return rng.bytes(int(rng.integers(1, 3000)))
    flipped = bytearray(content)
    for at in rng.integers(len(content), size=1 if i % 4 == 2 else 6):
        flipped[int(at)] ^= 1 << int(rng.integers(8))
    return bytes(flipped)


def _outcome(folder: Path, tables: dict[str, Path]) -> str:
    """`harmless` if it was read, `refused` with exit code 1; else a bug."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    try:
        with contextlib.redirect_stderr(io.StringIO()), exit_codes():
            preprocessed(folder / "out", tables)
    except SystemExit as end:
        return "refused" if end.code == 1 else f"bug: exit {end.code}"
    return "harmless"
