"""Parquet (a file, a glob, or a folder with hive partitions) to a lazy frame."""

from pathlib import Path

import polars as pl

from m6rec_cli.preprocessing.readers._base import Salvaged, files_of_folder

SUFFIXES = (".parquet", ".pq")
CONTENT = "records"
IS_TEXT = False
READS_FOLDERS = True


def scan(path: str, *, no_header: bool = False) -> pl.LazyFrame:
    """Scan; the `key=value` parts of a folder become columns."""
    place = Path(path)
    if place.is_dir():
        files = files_of_folder(place, SUFFIXES)
        return pl.scan_parquet(files, hive_partitioning=True, glob=False)
    return pl.scan_parquet(path, glob=not place.exists())


def salvage(path: str, *, no_header: bool = False) -> Salvaged | None:
    """See `Reader.salvage`."""
    return None
