"""Arrow IPC (Feather version 2) to a lazy frame."""

import polars as pl

from m6rec_cli.preprocessing.readers._base import Salvaged, scan_path

SUFFIXES = (".arrow", ".feather", ".ipc")
CONTENT = "records"
IS_TEXT = False
READS_FOLDERS = False


def scan(path: str, *, no_header: bool = False) -> pl.LazyFrame:
    """Scan a file or a glob."""
    return pl.scan_ipc(scan_path(path))


def salvage(path: str, *, no_header: bool = False) -> Salvaged | None:
    """See `Reader.salvage`."""
    return None
