"""Tables that are emptied while `preprocess` reads them: read, or refused in words."""

import contextlib
import io
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from m6rec_cli.cli.run import exit_codes
from m6rec_cli.preprocessing.local_copies import local_tables
from m6rec_cli.system.progress import SilentReporter
from tests.faults.long.table import Row, row_of
from tests.stages.shop import preprocessed

TRIES, EVENTS = 15, 200_000


def rows() -> Iterator[Row]:
    """One row for each format."""
    rng = np.random.default_rng(0)
    log = pl.DataFrame(
        {
            "user_id": rng.integers(0, 5_000, EVENTS),
            "item_id": rng.integers(0, 1_000, EVENTS),
            "timestamp": rng.integers(1_600_000_000, 1_700_000_000, EVENTS),
        }
    )
    with tempfile.TemporaryDirectory() as root:
        for suffix, write in {
            "csv": log.write_csv,
            "jsonl": log.write_ndjson,
            "parquet": log.write_parquet,
            "arrow": log.write_ipc,
        }.items():
            whole = Path(root) / f"whole.{suffix}"
            write(whole)
            yield row_of(f".{suffix} emptied while it is read", list(_outcomes(whole)))


def _outcomes(whole: Path) -> Iterator[str]:
    """Empty a copy, or cut it after 1,000 bytes, at moments that cover the time of a command."""
    log, started = whole.with_stem("log"), time.monotonic()
    shutil.copy(whole, log)
    undisturbed = _outcome(log)
    assert undisturbed == "harmless", undisturbed
    seconds = time.monotonic() - started
    for k in range(TRIES):
        shutil.copy(whole, log)
        arguments = log, 0 if k % 2 else 1000
        timer = threading.Timer(seconds * (k + 0.5) / TRIES, os.truncate, arguments)
        timer.start()
        yield _outcome(log)
        timer.join()


def _outcome(log: Path) -> str:
    """`harmless` if it was read, `refused` with exit code 1; else a bug."""
    out, said = log.with_name("out"), io.StringIO()
    shutil.rmtree(out, ignore_errors=True)
    try:
        with (
            contextlib.redirect_stderr(said),
            exit_codes(),
            local_tables([str(log)], None, None, SilentReporter()) as tables,
        ):
            preprocessed(out, {"interactions": tables.interactions[0]})
    except SystemExit as end:
        text = said.getvalue()
        is_told = end.code == 1 and (log.name in text or str(out) in text)
        return "refused" if is_told else f"bug: exit {end.code}: {text[-300:]}"
    return "harmless"
