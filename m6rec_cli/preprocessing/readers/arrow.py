"""Arrow IPC (Feather version 2) to a lazy frame."""

import polars as pl

from m6rec_cli.preprocessing.readers.csv import literal

SUFFIXES = (".arrow", ".feather", ".ipc")


def scan(path: str) -> pl.LazyFrame:
    """Scan a file or a glob."""
    return pl.scan_ipc(literal(path))
