"""Parquet (a file, a glob, a folder with hive partitions) to a lazy frame."""

import glob
from pathlib import Path

import polars as pl

SUFFIXES = (".parquet", ".pq")


def scan(path: str) -> pl.LazyFrame:
    """Scan; a folder's `key=value` parts become columns."""
    place = Path(path)
    if place.is_dir():
        suffix = next(s for s in SUFFIXES if any(place.rglob(f"*{s}")))
        return pl.scan_parquet(f"{glob.escape(path)}/**/*{suffix}", hive_partitioning=True)
    return pl.scan_parquet(path, glob=not place.exists())
