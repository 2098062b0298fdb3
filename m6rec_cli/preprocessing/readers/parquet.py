"""Parquet (a file, a glob, a folder with hive partitions) to a lazy frame."""

from pathlib import Path

import polars as pl

SUFFIXES = (".parquet", ".pq")


def parts_of(folder: Path) -> list[Path]:
    """The files of a folder that are one table; what has a name that begins with a point or a line is of other programs."""

    def is_ours(file: Path) -> bool:
        return not any(
            part.startswith((".", "_")) and "=" not in part
            for part in file.relative_to(folder).parts
        )

    found = (
        file
        for file in folder.rglob("*")
        if file.name.lower().endswith(SUFFIXES) and file.is_file()
    )
    return sorted(filter(is_ours, found))


def scan(path: str) -> pl.LazyFrame:
    """Scan; a folder's `key=value` parts become columns."""
    place = Path(path)
    if place.is_dir():
        return pl.scan_parquet(parts_of(place), hive_partitioning=True, glob=False)
    return pl.scan_parquet(path, glob=not place.exists())
