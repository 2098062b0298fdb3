"""Dates whose day and month could be confused."""

from pathlib import Path

import polars as pl
import pytest

from m6rec_cli.preprocessing import tables
from m6rec_cli.preprocessing.columns import (
    date_formats,
)
from tests.preprocessing.columns.time_cells import ms, parsed


def resolved(path: Path) -> tuple[str, str | None]:
    """Date order and warning of the column `date`."""
    return date_formats.resolve_date_order(tables.scan(path, "interactions"), "date")


@pytest.mark.parametrize(
    ("late", "want"),
    [
        ("13/01/2010", "day-first"),
        ("01/13/2010", "month-first"),
        ("02/01/2010", None),
        ("NULL", None),
    ],
)
def test_resolve_date_order_reads_the_whole_column(
    tmp_path: Path, late: str, want: str | None
) -> None:
    path = tmp_path / "e.csv"
    path.write_text(
        "user_id,item_id,date\nu,i,NULL\n" + "u,i,01/01/2010\n" * 20_000 + f"u,i,{late}\n"
    )
    form, warning = resolved(path)
    assert form == (want or "month-first")
    if want is None:
        assert "day and month of `date` cannot be told apart; read as month-first" in str(warning)
    else:
        assert warning is None


@pytest.mark.parametrize(
    ("late", "want"),
    [("13/1/10 8:26", "day-first"), ("1/13/10 8:26", "month-first"), ("2/1/10 8:26", None)],
)
def test_resolve_date_order_reads_two_digit_years(
    tmp_path: Path, late: str, want: str | None
) -> None:
    path = tmp_path / "e.csv"
    path.write_text("user_id,item_id,date\n" + "u,i,1/2/10 8:26\n" * 20_000 + f"u,i,{late}\n")
    form, warning = resolved(path)
    assert form == (want or "month-first")
    assert (warning is None) == (want is not None)
    series = pl.Series(["1/2/10 8:26"])
    day = (2010, 2, 1) if form == "day-first" else (2010, 1, 2)
    assert parsed(series, form) == [ms(*day, 8, 26)]


def test_resolve_date_order_ignores_a_few_other_cells(tmp_path: Path) -> None:
    """The first days of a month fit either order; a later date decides."""
    path = tmp_path / "e.csv"
    days = [f"{n % 12 + 1:02}/03/2010" for n in range(200)]
    path.write_text(
        "n,date\n" + "".join(f"1,{cell}\n" for cell in ["never", "2010-03-01", *days, "25/03/2010"])
    )
    assert resolved(path) == ("day-first", None)


def test_resolve_date_order_of_lists_is_auto(tmp_path: Path) -> None:
    pl.DataFrame({"date": [["2010-12-01"]]}).write_parquet(tmp_path / "e.parquet")
    assert resolved(tmp_path / "e.parquet") == (
        "auto",
        None,
    )


@pytest.mark.parametrize("cells", [["2010-12-01"], ["881250949"], ["soon"], [""]])
def test_resolve_date_order_of_unambiguous_columns_is_auto(
    tmp_path: Path, cells: list[str]
) -> None:
    path = tmp_path / "e.csv"
    path.write_text("date,n\n" + "".join(f"{cell},1\n" for cell in cells))
    assert resolved(path) == ("auto", None)


@pytest.mark.parametrize("order", date_formats.DATE_ORDERS)
def test_date_order_parses_all_lengths_of_dates(tmp_path: Path, order: str) -> None:
    """Some exports write midnight as just a date."""
    day = "31/12/2010" if order == "day-first" else "12/31/2010"
    cells = [f"{day} 08:26", day, f"{day} 08:26:07", "03/04/2010"]
    path = tmp_path / "e.csv"
    path.write_text("n,date\n" + "".join(f"1,{cell}\n" for cell in cells))
    assert resolved(path) == (order, None)
    series = pl.Series(cells)
    third = (2010, 4, 3) if order == "day-first" else (2010, 3, 4)
    assert parsed(series, order) == [
        ms(2010, 12, 31, 8, 26),
        ms(2010, 12, 31),
        ms(2010, 12, 31, 8, 26, 7),
        ms(*third),
    ]


def test_auto_parses_dotted_and_iso_dates_in_one_column(tmp_path: Path) -> None:
    cells = ["31.12.2010 08:26", "31.12.2010", "01.02.2010 08:26"]
    path = tmp_path / "e.csv"
    path.write_text("n,date\n" + "".join(f"1,{cell}\n" for cell in cells))
    assert resolved(path) == ("auto", None)
    series = pl.Series([*cells, "2010-12-31"])
    assert None not in parsed(series, "auto")


@pytest.mark.parametrize(
    ("cells", "want"),
    [
        (["31.12.2024, 23:59:01 Uhr", "01.02.2023, 08:05:00 Uhr"], (2024, 12, 31, 23, 59, 1)),
        (["31.12.2024 23:59 Uhr"], (2024, 12, 31, 23, 59)),
        (["12/31/2024, 11:59:01 PM", "1/2/2023, 8:05:00 AM"], (2024, 12, 31, 23, 59, 1)),
        (["31/12/2024, 23:59:01"], (2024, 12, 31, 23, 59, 1)),
        (["2024.12.31 23:59"], (2024, 12, 31, 23, 59)),
        (["2024年12月31日"], (2024, 12, 31)),
        (["2024年1月2日 8:05"], (2024, 1, 2, 8, 5)),
        (["Dec 31 2024 11:59PM"], (2024, 12, 31, 23, 59)),
    ],
)
def test_parse_dates_as_spreadsheets_browsers_and_databases_write_them(
    cells: list[str], want: tuple[int, ...]
) -> None:
    got = parsed(pl.Series(cells), "auto")
    assert got[0] == ms(*want)
    assert None not in got
