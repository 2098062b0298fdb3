"""A table or a query of a SQLite file to a Parquet file."""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote as url_quote

import polars as pl

from m6rec_cli.preprocessing.sources import _database
from m6rec_cli.preprocessing.sources._base import Copy
from m6rec_cli.system.progress import Reporter

FORM = "sqlite:///shop.db?table=events"
_BATCH_ROWS = 100_000
_LOCK_SECONDS = 5.0
"""How long another program's lock is waited for."""
_TABLES = (
    "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' "
    "ESCAPE '\\' ORDER BY name"
)


def claims(address: str) -> bool:
    """See `Source.claims`."""
    parts = _database.find_database(address)
    return parts is not None and not _database.is_duckdb(parts)


def copy(address: str, what: str, folder: Path, report: Reporter) -> Copy:
    """Read in batches, without write access; see `Source.copy`.

    SQLite has no types of columns: the values decide. A column of numbers and texts is text.
    """
    parts = _database.require_database(address, what)
    location = f"file:{url_quote(str(parts.file.resolve()))}?mode=ro"
    try:
        with closing(sqlite3.connect(location, uri=True, timeout=_LOCK_SECONDS)) as connection:
            names = [name for (name,) in connection.execute(_TABLES)]
            statement = _database.select_statement(
                parts, address, what, {name: _database.quote(name) for name in names}
            )
            return Copy(_write(connection, statement, folder), parts.file)
    except (sqlite3.Error, pl.exceptions.PolarsError) as error:
        raise _database.unreadable(error, parts, address, what) from None


def _write(connection: sqlite3.Connection, statement: str, folder: Path) -> Path:
    """Write batches, then one file in which each column has one type."""
    columns = connection.execute(f"SELECT * FROM ({statement}) LIMIT 0").description
    batches = [pl.LazyFrame(schema={column[0]: pl.Null for column in columns})]
    for frame in pl.read_database(
        statement, connection, iter_batches=True, batch_size=_BATCH_ROWS, infer_schema_length=None
    ):
        path = folder / f"batch-{len(batches)}.parquet"
        frame.write_parquet(path, compression="lz4")
        batches.append(pl.scan_parquet(path, glob=False))
    table = folder / "table.parquet"
    pl.concat(batches, how="vertical_relaxed").sink_parquet(table, compression="lz4")
    for path in folder.glob("batch-*.parquet"):
        path.unlink()
    return table
