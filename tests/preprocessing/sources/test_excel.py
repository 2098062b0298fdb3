"""Sheets of Excel files."""

import datetime
import sys
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from m6rec_cli.preprocessing import tables
from m6rec_cli.system.progress import SilentReporter
from tests.preprocessing.sources.opening import FRAME, read, refusal

ORDERS = FRAME.with_columns(
    price=pl.Series([1.5, None]), day=pl.Series([datetime.date(2024, 1, 2)] * 2)
)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "my orders.xlsx"
    with xlsxwriter.Workbook(path) as workbook:
        workbook.add_worksheet("Empty")
        ORDERS.write_excel(workbook, "Orders 2024")
        pl.DataFrame({"item": ["y"]}).write_excel(workbook, "Items")
    return path


def test_the_first_sheet_with_records_is_read_and_the_others_are_named(book: Path) -> None:
    report = SilentReporter()
    assert read(book, report).equals(ORDERS)
    (warning,) = report.warnings
    assert "the sheet `Orders 2024` is read as the interactions" in warning
    assert "`Empty`, `Items` are not" in warning


def test_a_named_sheet_is_read_without_a_warning(book: Path) -> None:
    report = SilentReporter()
    assert read(f"{book}?sheet=Items", report).rows() == [("y",)]
    assert read(f"{book}?Items", report).rows() == [("y",)]
    assert report.warnings == []


def test_ids_of_texts_and_numbers_stay_as_they_are(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "b.xlsx") as workbook:
        sheet = workbook.add_worksheet()
        for row, cells in enumerate([("user", "item"), (17, 18), (19, "007"), ("x", 20)]):
            sheet.write_row(row, 0, cells)
    got = read(tmp_path / "b.xlsx")
    assert got["user"].to_list() == ["17", "19", "x"]
    assert got["item"].to_list() == ["18", "007", "20"]


def test_errors_name_the_mend(book: Path, tmp_path: Path) -> None:
    error = refusal(f"{book}?sheet=Order 2024")
    assert error.what == "the file has no sheet `Order 2024`"
    assert error.hint == "did you mean `Orders 2024`?"
    assert refusal(f"{book}?table=Items").hint == "known: `sheet`"
    error = refusal(tmp_path / "my order.xlsx")
    assert (error.what, "my orders.xlsx" in str(error.hint)) == (
        "the interactions file does not exist",
        True,
    )
    (tmp_path / "text.xlsx").write_text("user,item\n")
    error = refusal(tmp_path / "text.xlsx")
    assert error.what.startswith("the interactions file cannot be read: ")
    assert error.hint == "save the sheet as CSV in UTF-8"


@pytest.mark.parametrize("ending", ["", "?sheet=Empty"])
def test_an_empty_sheet_holds_no_records(tmp_path: Path, ending: str) -> None:
    with xlsxwriter.Workbook(tmp_path / "b.xlsx") as workbook:
        workbook.add_worksheet("Empty")
    with pytest.raises(tables.NoRecords, match=r"is empty|holds no records"):
        read(f"{tmp_path / 'b.xlsx'}{ending}")


def test_excel_without_its_library_names_the_extra(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fastexcel", None)
    error = refusal(book)
    assert "needs the extra `excel`, which is not installed" in error.what
    assert "m6rec-cli[excel]" in str(error.hint)
