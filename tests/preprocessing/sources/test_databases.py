"""Tables and queries of SQLite and DuckDB files."""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import duckdb
import polars as pl
import pytest

from m6rec_cli.preprocessing import fingerprints, tables
from m6rec_cli.preprocessing.local_copies import local_tables
from m6rec_cli.preprocessing.sources import sqlite
from m6rec_cli.system import digests
from m6rec_cli.system.progress import SilentReporter
from tests.preprocessing.sources.opening import FRAME, read, refusal

ROWS = "(user, item) AS (VALUES ('a', '007'), ('b', 'y'))"
TABLES = (
    f"CREATE TABLE events AS WITH rows {ROWS} SELECT * FROM rows",
    'CREATE TABLE "more items" (id TEXT, price REAL)',
)


def write_sqlite(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def write_duckdb(path: Path, *statements: str) -> None:
    with duckdb.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)


Database = tuple[str, Path]


@pytest.fixture(params=[("sqlite", write_sqlite), ("duckdb", write_duckdb)], ids=lambda p: p[0])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    scheme, write = request.param
    write(tmp_path / "my shop.db", *TABLES)
    return scheme, tmp_path / "my shop.db"


@pytest.mark.parametrize(
    "ending",
    [
        "?table=events",
        "?events",
        "?query=SELECT item, user FROM events ORDER BY user; ",
        "?query=WITH e AS (SELECT * FROM events) SELECT * FROM e WHERE user LIKE '%' -- all",
    ],
)
def test_tables_and_queries_are_read(shop: Database, ending: str) -> None:
    scheme, file = shop
    for address in (f"{file}{ending}", f"{scheme}:///{file}{ending}", f"{scheme}:{file}{ending}"):
        assert read(address).select(FRAME.columns).sort("user").rows() == FRAME.rows()


def test_a_relative_path_follows_three_slashes(
    shop: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheme, file = shop
    monkeypatch.chdir(file.parent)
    assert len(read(f"{scheme}:///my shop.db?table=events")) == 2
    error = refusal(f"{scheme}:///{str(file)[1:]}?table=events")
    assert f"four slashes: `{scheme}:////{str(file)[1:]}`" in str(error.hint)


def test_the_only_table_needs_no_name(tmp_path: Path) -> None:
    write_sqlite(tmp_path / "one.sqlite", TABLES[0])
    write_duckdb(tmp_path / "one.duckdb", TABLES[0])
    assert read(tmp_path / "one.sqlite").rows() == FRAME.rows()
    assert read(tmp_path / "one.duckdb").rows() == FRAME.rows()


def test_several_tables_are_listed(shop: Database) -> None:
    error = refusal(shop[1])
    assert error.what == "the database has several tables: `events`, `more items`"
    assert "my shop.db?table=events'" in str(error.hint)


def test_errors_name_the_mend(shop: Database, tmp_path: Path) -> None:
    file = shop[1]
    error = refusal(f"{file}?table=event")
    assert error.what == "the database has no table `event`"
    assert error.hint == "did you mean `events`?"
    error = refusal(f"{file}?tabel=events")
    assert error.what == "unknown key `tabel` behind the question mark"
    assert error.hint == "did you mean `table`?"
    error = refusal(tmp_path / "my shops.db")
    assert error.what == "the interactions file does not exist"
    assert "my shop.db" in str(error.hint)
    error = refusal(f"{file}?query=SELECT nothing FROM events")
    assert error.what.startswith("the interactions table cannot be read: ")
    assert "nothing" in error.what
    assert "try the query" in str(error.hint)


def test_a_query_cannot_write(shop: Database) -> None:
    before = digests.of_file(shop[1])
    refusal(f"{shop[1]}?query=DELETE FROM events")
    refusal(f"{shop[1]}?query=SELECT 1); DROP TABLE events; SELECT * FROM (SELECT 1")
    assert digests.of_file(shop[1]) == before


def test_an_empty_table_holds_no_records(shop: Database) -> None:
    with pytest.raises(tables.NoRecords, match="holds no records"):
        read(f"{shop[1]}?table=more items")


def test_other_files_are_no_database(tmp_path: Path) -> None:
    (tmp_path / "events.db").write_text("user,item\na,x\n" * 100)
    error = refusal(tmp_path / "events.db")
    assert "not a database" in error.what
    assert "is it a SQLite or DuckDB file?" in str(error.hint)


def test_the_manifest_has_the_digest_of_the_database(shop: Database) -> None:
    address = f"{shop[1]}?table=events"
    with local_tables([address], None, None, SilentReporter()) as local:
        (file,) = fingerprints.input_files({"interactions": local.interactions})
    assert file.path == address
    assert file.sha256 == digests.of_file(shop[1])


def test_sqlite_columns_have_the_types_of_their_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_BATCH_ROWS", 2)
    write_sqlite(
        tmp_path / "t.db",
        "CREATE TABLE t (user, item TEXT, price, day, empty)",
        "INSERT INTO t VALUES (1, '007', 1, '2024-01-02', NULL), (2, '17', 2, '2024-01-03', NULL)",
        "INSERT INTO t VALUES ('x', 'é', 2.5, '2024-01-04', NULL), (3, NULL, 0.1, NULL, NULL)",
    )
    got = read(tmp_path / "t.db")
    assert got["user"].to_list() == ["1", "2", "x", "3"]
    assert got["item"].to_list() == ["007", "17", "é", None]
    assert got["price"].to_list() == [1.0, 2.0, 2.5, 0.1]
    assert got["day"].dtype == pl.String


def test_duckdb_ids_are_not_rounded(tmp_path: Path) -> None:
    uuid, number = "01234567-89ab-4def-8123-456789abcdef", str(2**53 + 1)
    write_duckdb(
        tmp_path / "t.duckdb",
        f"CREATE TABLE t AS SELECT '{uuid}'::UUID AS \"the user\", {number}::HUGEINT AS item, "
        "TIMESTAMP '2024-01-02 03:04:05' AS time",
    )
    assert read(tmp_path / "t.duckdb").cast(pl.String).row(0)[:2] == (uuid, number)


def test_a_locked_database_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_LOCK_SECONDS", 0.01)
    write_sqlite(tmp_path / "t.db", TABLES[0])
    with closing(sqlite3.connect(tmp_path / "t.db", isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        error = refusal(tmp_path / "t.db")
    assert "locked" in error.what
    assert "close the program that writes to it" in str(error.hint)


def test_duckdb_without_its_library_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_duckdb(tmp_path / "t.duckdb", TABLES[0])
    monkeypatch.setitem(sys.modules, "duckdb", None)
    error = refusal(tmp_path / "t.duckdb")
    assert "needs the extra `duckdb`, which is not installed" in error.what
    assert error.hint == "pip install 'm6rec-cli[duckdb]'"
