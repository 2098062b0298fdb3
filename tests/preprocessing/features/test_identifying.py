"""Columns that identify rows or people are left out, with the reason."""

from pathlib import Path
from uuid import UUID

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.preprocessing.columns import kinds


def _infer(name: str, cells: list[str], columns: tuple[str, ...] = ()) -> str:
    found = kinds.infer_column(pl.Series(name, cells), Path(), columns)
    return found if isinstance(found, str) else found[0].kind


@pytest.mark.parametrize(
    ("name", "cells", "reason"),
    [
        ("contact", ["ann@shop.example", "bo@shop.example"], "personal data: e-mail"),
        ("contact", ["+49 151 123 4567", "+43 (1) 23 45 67"], "personal data: phone"),
        ("customer_phone", ["none given", "ask Bo"], "personal data: phone"),
        ("lastName", ["Muster", "Probe"], "personal data: names"),
        ("street_address", ["1 Long Road", "2 Short Lane"], "personal data: addresses"),
        ("page", ["https://shop.example/a", "http://shop.example/b"], "web addresses"),
        ("digest", [f"{n:032x}" for n in range(9)], "hashes or ids"),
        ("serial", [f"LX-{n:05}" for n in range(40)], "codes that differ"),
    ],
)
def test_column_that_identifies_is_left_out(name: str, cells: list[str], reason: str) -> None:
    assert reason in _infer(name, cells)


def test_name_is_personal_in_a_user_table_alone() -> None:
    cells = ["Ann Muster", "Bo Probe", "Cid Test"]
    assert "personal data" in _infer("name", cells, ("customer_id", "name"))
    assert _infer("name", cells, ("item_id", "name")) == "text"
    few = [("Ann", "Bo", "Cid")[n % 3] for n in range(60)]
    assert "personal data" in _infer("name", few, ("customer_id", "name"))
    thirty = [f"Ann {chr(97 + n % 30)}" for n in range(600)]
    assert "personal data" in _infer("first_name", thirty)


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("owner", [f"{n % 3:032x}" for n in range(12)], "categorical"),
        ("model", [f"X{n % 5}00" for n in range(60)], "categorical"),
        ("mobile", ["yes", "no"] * 9, "categorical"),
        ("title", [f"The {n}th lamp" for n in range(60)], "text"),
        ("released", ["31.12.2024", "01.02.2023"], "numeric"),
        ("released", ["12/31/2020", "01/02/2021"], "numeric"),
        ("released", ["Jan 5, 2020", "Feb 17, 2021"], "numeric"),
        ("price", ["12.50 €", "9.90 €"], "numeric"),
    ],
)
def test_column_that_says_something_stays(name: str, cells: list[str], kind: str) -> None:
    assert _infer(name, cells) == kind


@pytest.mark.parametrize("name", ["department_no", "storeNr", "zip_code", "postal code", "plz"])
def test_numbered_codes_are_categories(name: str) -> None:
    found = kinds.infer_column(pl.Series(name, [1676, 1338, 5131]), Path())
    assert not isinstance(found, str)
    assert found[0].kind == "categorical"


@pytest.mark.parametrize("name", ["num_ratings", "piano", "no", "capacity"])
def test_counts_are_numbers(name: str) -> None:
    found = kinds.infer_column(pl.Series(name, [1676, 1338, 5131]), Path())
    assert not isinstance(found, str)
    assert found[0].kind == "numeric"


@pytest.mark.parametrize("dtype", [pl.String, pl.Int64, pl.Float64])
@pytest.mark.parametrize("start", [0, 1, 5000])
def test_row_numbers_are_left_out(start: int, dtype: type[pl.DataType]) -> None:
    numbers = pl.Series("line", range(start, start + 40))
    assert kinds.infer_column(numbers.cast(dtype), Path()) == "numbers the rows"
    shuffled = numbers.reverse().cast(dtype)
    assert not isinstance(kinds.infer_column(shuffled, Path()), str)


@settings(deadline=None)
@given(st.lists(st.uuids(), min_size=3, max_size=30, unique=True))
def test_distinct_uuids_are_left_out(ids: list[UUID]) -> None:
    assert "hashes or ids" in _infer("thing", [str(i) for i in ids])
