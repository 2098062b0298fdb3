"""Tables from columns, by a file."""

from pathlib import Path

import polars as pl

from m6rec_cli.preprocessing import tables


def table_of(tmp_path: Path, columns: dict[str, list], name: str = "e.csv") -> tables.Table:
    """Write a table file and open it."""
    frame = pl.DataFrame(columns)
    (frame.write_csv if name.endswith("csv") else frame.write_parquet)(tmp_path / name)
    return tables.scan(tmp_path / name, "interactions")
