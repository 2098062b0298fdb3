"""Addresses of SQLite and DuckDB files to the SELECT statement that reads a table."""

from collections.abc import Mapping

from m6rec_cli.preprocessing.sources._base import FileAddress, parse_address, require_file
from m6rec_cli.system.errors import M6RecError, nearest_hint

_SUFFIXES = (".db", ".db3", ".sqlite", ".sqlite3", ".duckdb", ".ddb")
_DUCKDB_MAGIC = b"DUCK"
_KEYS = ("table", "query")


def find_database(address: str) -> FileAddress | None:
    """The parts of the address of a database file; None if it is none."""
    parts = parse_address(address)
    if parts is None or parts.scheme not in ("", "sqlite", "duckdb"):
        return None
    is_database = parts.scheme or parts.file.suffix.lower() in _SUFFIXES
    return parts if is_database else None


def is_duckdb(parts: FileAddress) -> bool:
    """Whether a file is a DuckDB database: by its first bytes, or by name if it does not exist."""
    if parts.file.is_file():
        with parts.file.open("rb") as file:
            return file.read(12)[8:] == _DUCKDB_MAGIC
    return parts.scheme == "duckdb" or parts.file.suffix.lower() in (".duckdb", ".ddb")


def require_database(address: str, what: str) -> FileAddress:
    """The parts of an address whose file exists.

    Raises:
        M6RecError: It does not exist, or the key is unknown.
    """
    parts = find_database(address)
    if parts is None:
        raise M6RecError(f"the address of the {what} table names no database", where=address)
    require_file(parts, address, what, _KEYS)
    return parts


def select_statement(parts: FileAddress, address: str, what: str, tables: Mapping[str, str]) -> str:
    """The statement that reads the table or query of an address.

    Args:
        tables: The names of the tables and views, and how SQL writes each.

    Raises:
        M6RecError: There is no such table, or several to choose from.
    """
    if parts.key == "query" and parts.value:
        # A line break ends a comment at the end of the query.
        return f"SELECT * FROM (\n{parts.value.strip().rstrip(';')}\n)"
    if parts.value:
        if parts.value not in tables:
            raise M6RecError(
                f"the database has no table `{parts.value}`",
                where=address,
                hint=nearest_hint(parts.value, tables),
            )
        return f"SELECT * FROM {tables[parts.value]}"
    if not tables:
        raise M6RecError("the database holds no table", where=address)
    if len(tables) > 1:
        names = ", ".join(f"`{name}`" for name in sorted(tables)[:20])
        raise M6RecError(
            f"the database has several tables: {names}",
            where=address,
            hint=f"name the one with the {what}: `'{parts.file}?table={next(iter(tables))}'`, or "
            f"`'{parts.file}?query=SELECT ...'`",
        )
    return f"SELECT * FROM {next(iter(tables.values()))}"


def quote(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def unreadable(error: Exception, parts: FileAddress, address: str, what: str) -> M6RecError:
    """The error for a database that cannot be read, with the mend for one that is locked."""
    reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
    hint = None
    if "lock" in reason.lower():
        hint = f"close the program that writes to it, or name a copy of `{parts.file.name}`"
    elif "not a database" in reason:
        hint = "is it a SQLite or DuckDB file? A table in text needs its own suffix, such as .csv"
    elif "full" in reason or "space" in reason:
        hint = "tables are copied to the temporary folder: set TMPDIR to one with more room"
    elif parts.key == "query":
        hint = "try the query in the database's own command line first"
    return M6RecError(f"the {what} table cannot be read: {reason}", where=address, hint=hint)
