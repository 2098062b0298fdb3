"""A table or a query of a DuckDB file to a Parquet file."""

from pathlib import Path

from m6rec_cli.preprocessing.sources import _database
from m6rec_cli.preprocessing.sources._base import Copy
from m6rec_cli.system import extras
from m6rec_cli.system.progress import Reporter

FORM = "duckdb:///shop.duckdb?table=events"
_TYPES_AS_TEXT = ("UUID", "HUGEINT", "UHUGEINT", "BIT", "BIGNUM", "VARINT", "INTERVAL", "TIME")
"""Types that Parquet writes as bytes, rounded numbers or not at all."""
_TABLES = (
    "SELECT table_schema, table_name FROM information_schema.tables "
    "WHERE table_catalog = current_database() ORDER BY ALL"
)


def claims(address: str) -> bool:
    """See `Source.claims`."""
    parts = _database.find_database(address)
    return parts is not None and _database.is_duckdb(parts)


def copy(address: str, what: str, folder: Path, report: Reporter) -> Copy:
    """Let DuckDB write a Parquet file, without write access to the database; see `Source.copy`."""
    parts = _database.require_database(address, what)
    extras.require("duckdb", f"the {what} table is a DuckDB database, and reading one needs")
    import duckdb

    table = folder / "table.parquet"
    try:
        with duckdb.connect(parts.file, read_only=True) as connection:
            tables = {
                name if schema == "main" else f"{schema}.{name}": f"{_database.quote(schema)}."
                + _database.quote(name)
                for schema, name in connection.execute(_TABLES).fetchall()
            }
            statement = _database.select_statement(parts, address, what, tables)
            casts = [
                f"CAST({_database.quote(name)} AS VARCHAR) AS {_database.quote(name)}"
                for name, kind, *_ in connection.execute(f"DESCRIBE {statement}").fetchall()
                if kind in _TYPES_AS_TEXT
            ]
            columns = f"* REPLACE ({', '.join(casts)})" if casts else "*"
            connection.execute(
                f"COPY (SELECT {columns} FROM ({statement})) TO ? (FORMAT parquet)", [str(table)]
            )
    except duckdb.Error as error:
        raise _database.unreadable(error, parts, address, what) from None
    return Copy(table, parts.file)
