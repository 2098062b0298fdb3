"""`m6rec preprocess` with tables that are no plain files."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from tests.cli.preprocess_command import log, m6rec, manifest_of
from tests.file_server import serving

__all__ = ["log"]


def test_preprocess_reads_a_bucket_a_database_and_a_spreadsheet_as_files(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = pl.DataFrame({"item_id": [f"i{n}" for n in range(5)], "price": [1.0, 2, 3, 4, 5]})
    users = pl.DataFrame({"user_id": [f"u{n}" for n in range(4)], "age": [20, 30, 40, 50]})
    items.write_csv(tmp_path / "items.csv")
    users.write_csv(tmp_path / "users.csv")
    files = [log, "--items", tmp_path / "items.csv", "--users", tmp_path / "users.csv"]
    done = m6rec("preprocess", "--interactions", *files, "--out", tmp_path / "files")
    assert done.exit_code == 0, done.stderr
    with closing(sqlite3.connect(tmp_path / "shop.db")) as shop, shop:
        shop.execute("CREATE TABLE items (item_id TEXT, price REAL)")
        shop.executemany("INSERT INTO items VALUES (?, ?)", items.iter_rows())
    users.write_excel(tmp_path / "users.xlsx")
    addresses = [
        "s3://cli-shop/events.csv",
        f"sqlite:///{tmp_path}/shop.db?table=items",
        str(tmp_path / "users.xlsx"),
    ]
    with serving() as server:
        server.files["cli-shop/events.csv"] = log.read_bytes()
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
        monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
        words = ["--interactions", addresses[0], "--items", addresses[1], "--users", addresses[2]]
        copied = m6rec("preprocess", *words, "--out", tmp_path / "copies")
        assert copied.exit_code == 0, copied.stderr
        assert "copying s3://cli-shop/events.csv" in copied.stderr
        refused = m6rec("preprocess", *words, "--columns", "user=nobody", "--dry-run")
    assert json.loads(copied.stdout)["counts"] == json.loads(done.stdout)["counts"]
    manifests = [manifest_of(tmp_path / name) for name in ("files", "copies")]
    assert manifests[0]["fingerprints"] == manifests[1]["fingerprints"]
    assert [file["path"] for file in manifests[1]["inputs"]] == addresses
    assert refused.exit_code == 1
    assert "s3://cli-shop/events.csv" in refused.stderr
    assert "m6rec-" not in refused.stderr


def test_preprocess_refuses_an_unknown_scheme(tmp_path: Path) -> None:
    refused = m6rec("preprocess", "--interactions", "ftp://host/e.csv", "--out", tmp_path / "d")
    assert refused.exit_code == 1
    assert "`ftp://` is no place" in refused.stderr
