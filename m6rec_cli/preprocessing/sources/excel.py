"""A sheet of an Excel or OpenDocument file to a Parquet file."""

from pathlib import Path

import polars as pl

from m6rec_cli.preprocessing.sources._base import (
    Copy,
    FileAddress,
    parse_address,
    require_file,
)
from m6rec_cli.system import extras
from m6rec_cli.system.errors import M6RecError, nearest_hint
from m6rec_cli.system.progress import Reporter

FORM = "orders.xlsx?sheet=Orders"
_SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")


def claims(address: str) -> bool:
    """See `Source.claims`."""
    parts = parse_address(address)
    return parts is not None and not parts.scheme and parts.file.suffix.lower() in _SUFFIXES


def copy(address: str, what: str, folder: Path, report: Reporter) -> Copy:
    """Read the sheet that is named, or the first one that holds a table; see `Source.copy`.

    Warns of the other sheets if none is named.
    """
    parts = parse_address(address)
    if parts is None:
        raise M6RecError(f"the address of the {what} table names no file", where=address)
    require_file(parts, address, what, ("sheet",))
    extras.require("excel", f"the {what} table is a spreadsheet, and reading one needs")
    import fastexcel

    try:
        sheets = fastexcel.read_excel(parts.file).sheet_names
        frame = _read(parts, address, what, sheets, report)
    except (fastexcel.FastExcelError, pl.exceptions.PolarsError) as error:
        raise M6RecError(
            f"the {what} file cannot be read: {str(error).splitlines()[0]}",
            where=address,
            hint="save the sheet as CSV in UTF-8",
        ) from None
    table = folder / "table.parquet"
    frame.write_parquet(table)
    return Copy(table, parts.file)


def _read(
    parts: FileAddress, address: str, what: str, sheets: list[str], report: Reporter
) -> pl.DataFrame:
    if parts.value:
        if parts.value not in sheets:
            raise M6RecError(
                f"the file has no sheet `{parts.value}`",
                where=address,
                hint=nearest_hint(parts.value, sheets),
            )
        return _read_sheet(parts.file, parts.value)
    for sheet in sheets:
        frame = _read_sheet(parts.file, sheet)
        if frame.is_empty():
            continue
        others = [f"`{name}`" for name in sheets if name != sheet]
        if others:
            report.warn(
                f"{address}: the sheet `{sheet}` is read as the {what}, {', '.join(others)} "
                f"{'is' if len(others) == 1 else 'are'} not; "
                f"`{parts.file}?sheet=NAME` reads another one"
            )
        return frame
    return pl.DataFrame()


def _read_sheet(file: Path, sheet: str) -> pl.DataFrame:
    """All rows of a sheet; types from all cells, so that `007` above numbers stays text."""
    return pl.read_excel(file, sheet_name=sheet, infer_schema_length=None, raise_if_empty=False)
