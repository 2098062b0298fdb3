"""Parquet (a file, a glob, a folder with hive partitions) to a lazy frame."""

from pathlib import Path

import polars as pl

SUFFIXES = (".parquet", ".pq")


def scan(path: str) -> pl.LazyFrame:
    """Scan; a folder's `key=value` parts become columns."""
    if Path(path).is_dir():
        return pl.scan_parquet(f"{path}/**/*.parquet", hive_partitioning=True)
    return pl.scan_parquet(path)
