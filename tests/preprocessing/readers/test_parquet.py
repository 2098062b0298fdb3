"""Parquet folders."""

from pathlib import Path

import polars as pl

from m6rec_cli.preprocessing import fingerprints, tables

RECORDS = pl.DataFrame(
    {"user_id": ["007", "b", "c"], "item_id": ["x", "1.0", "z"], "rating": [1.5, 2.0, 3.0]}
)


def test_scan_hive_folder_adds_partition_columns(tmp_path: Path) -> None:
    for event in ("buy", "view"):
        folder = tmp_path / "log" / f"event={event}"
        folder.mkdir(parents=True)
        RECORDS.write_parquet(folder / "0.parquet")
    got = tables.scan(tmp_path / "log", "interactions").frame.collect()
    assert got["event"].to_list() == ["buy"] * 3 + ["view"] * 3


def test_scan_folder_reads_all_suffixes_and_skips_hidden_names(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    RECORDS.write_parquet(tmp_path / "a" / "b" / "0.pq")
    assert tables.scan(tmp_path / "a", "interactions").n_rows == 3
    assert tables.scan(tmp_path / "**" / "*.pq", "interactions").n_rows == 3
    RECORDS.write_parquet(tmp_path / "a" / "1.PARQUET")
    (tmp_path / "a" / "_metadata.parquet").write_bytes(b"of another program")
    (tmp_path / "a" / ".ipynb_checkpoints").mkdir()
    RECORDS.write_parquet(tmp_path / "a" / ".ipynb_checkpoints" / "1-checkpoint.parquet")
    assert tables.scan(tmp_path / "a", "interactions").n_rows == 6
    assert len(fingerprints.input_files({"interactions": [tmp_path / "a"]})) == 2
