"""Distinct ids to the error that they merge or split, or to one spelling of whole numbers."""

import re
from dataclasses import dataclass

import polars as pl

from m6rec_cli.preprocessing import encodings
from m6rec_cli.preprocessing.cleaning.rules import CleaningLog
from m6rec_cli.preprocessing.columns.cell_values import strip_decimal_zero
from m6rec_cli.preprocessing.tables import ID, ROW, Table
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.feature_spec import Entity

JOINED_IDS = "ids such as `17.0`, read as `17`"
"""The rule that gives whole numbers one spelling."""
_LOST = "\ufffd"
_EXPONENT = r"^-?\d(?:\.\d+)?[eE]\+\d+$|^-?\d\.\d+[eE]\d+$"
"""A number in the form of a spreadsheet; `1E5` may be a product code."""
_WHOLE = r"^-?\d+$"
_WHOLE_WITH_POINT = r"^-?\d+\.0$"
_FRACTION = r"^-?\d*\.\d+$"


@dataclass(frozen=True)
class _Fault:
    """Ids that cannot be right, and what the user can do."""

    bad: pl.Series
    what: str
    hint: str


def require_exact_ids(ids: pl.Series, rows: pl.DataFrame, table: Table, column: str) -> None:
    """Raise if ids are rounded, lost letters, or hold a line break.

    Args:
        ids: The distinct ids.
        rows: `id` and `ROW`, for the row of the first bad id.

    Raises:
        M6RecError: One of the ids cannot be right.
    """
    for fault in _faults(ids, table, column):
        if not len(fault.bad):
            continue
        found = rows.filter(pl.col("id").is_in(fault.bad.implode())).sort(ROW).head(1)
        first = re.sub(r"\s+", " ", str(found["id"][0]))[:60]
        raise M6RecError(
            f"ids of the column `{column}` {fault.what}",
            where=f"{table.path}, row {found[ROW][0]}: `{first}`; ids like it: {len(fault.bad):,}",
            hint=fault.hint,
        )


def _faults(ids: pl.Series, table: Table, column: str) -> list[_Fault]:
    dtype = table.schema[column]
    exact = "write ids as text or as whole numbers where the file is made"
    faults = [
        _Fault(
            ids.filter(ids.str.contains(_LOST, literal=True)),
            "hold letters that cannot be read, so different ids may look the same",
            f"convert the file to UTF-8: {encodings.conversion(table.encoding, table.path)}"
            if table.first_non_utf8_line is not None
            else "write the file again from its source as UTF-8",
        ),
        _Fault(
            ids.filter(ids.str.contains(r"[\r\n]")),
            "hold a line break",
            "look for a stray quote, or remove the line breaks within ids",
        ),
    ]
    if dtype.is_float():
        limit = 2.0**24 if dtype == pl.Float32 else 2.0**53
        numbers = ids.cast(pl.Float64, strict=False).abs()
        inexact = f"are rounded: a column of {dtype} holds whole numbers up to {limit:,.0f} exactly"
        faults.append(_Fault(ids.filter((numbers >= limit).fill_null(False)), inexact, exact))
    faults.append(
        _Fault(
            ids.filter(ids.str.contains(_EXPONENT)),
            "are written with an exponent, which leaves digits out",
            f"{exact}: spreadsheets shorten long numbers in cells that are not text",
        )
    )
    return faults


def join_whole_numbers(ids: pl.Series) -> pl.Series | None:
    """`17` for `17.0` if both forms occur and all other numbers are whole; None if not."""
    has_point = ids.str.contains(_WHOLE_WITH_POINT)
    if not has_point.any() or not ids.str.contains(_WHOLE).any():
        return None
    if (ids.str.contains(_FRACTION) & ~has_point).any():
        return None
    return pl.select(strip_decimal_zero(pl.lit(ids))).to_series()


def check_event_ids(firsts: pl.DataFrame, table: Table, column: str) -> pl.Series | None:
    """Check the ids of one role of an event log, and read `17` and `17.0` as one id.

    Args:
        firsts: The distinct ids, `id`, and the first row that has each, `ROW`.

    Returns:
        The ids in their joined spelling; None if they stay as they are.

    Raises:
        M6RecError: See `require_exact_ids`.
    """
    require_exact_ids(firsts["id"], firsts, table, column)
    return join_whole_numbers(firsts["id"])


def check_table_ids(
    frame: pl.DataFrame, table: Table, column: str, entity: Entity, cleaning: CleaningLog
) -> pl.DataFrame:
    """Check the ids of an item or user table, in its column `ID`; see `check_event_ids`."""
    ids = frame[ID].drop_nulls()
    require_exact_ids(ids, frame.select(ROW, pl.col(ID).alias("id")), table, column)
    joined = join_whole_numbers(ids)
    if joined is None:
        return frame
    n_changed = int((joined != ids).sum())
    count_joined(cleaning, f"{entity}s", entity, n_changed, ids, joined)
    return frame.with_columns(strip_decimal_zero(pl.col(ID)))


def count_joined(
    cleaning: CleaningLog, table: str, entity: Entity, n: int, ids: pl.Series, joined: pl.Series
) -> None:
    """Record that `n` cells have ids in another spelling.

    Args:
        ids: Ids as they are written.
        joined: The same in their joined spelling.
    """
    examples = ids.filter(joined != ids).head(3).to_list()
    cleaning.count_changed(f"{table}: {entity} {JOINED_IDS}", n, examples)
