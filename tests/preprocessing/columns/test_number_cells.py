"""Dates of any usual format to days since 1970."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.preprocessing.columns.number_cells import date_formats_of, number

_EPOCH = date(1970, 1, 1)


@pytest.mark.parametrize(
    "form",
    [
        "%d.%m.%Y",
        "%Y/%m/%d",
        "%d-%b-%Y",
        "%b %d, %Y",
        "%B %d, %Y",
        "%d.%m.%Y %H:%M",
        "%a %b %d %H:%M:%S -0800 %Y",
    ],
)
@settings(deadline=None)
@given(days=st.lists(st.dates(date(1971, 1, 1), date(2040, 1, 1)), min_size=1, max_size=20))
def test_number_of_dates_is_days_since_1970(form: str, days: list[date]) -> None:
    cells = pl.Series("d", [day.strftime(form) for day in days])
    forms = date_formats_of(cells)
    got = cells.to_frame().select(number("d", cells.dtype, forms)).to_series()
    assert forms
    assert got.to_list() == [(day - _EPOCH).days for day in days]


@pytest.mark.parametrize(
    "cells", [["12.5", "9"], ["2024-01-02"], ["a 1.2.2020"], ["1.2.2020", "x", "y"], [None, ""]]
)
def test_date_formats_of_other_columns_are_none(cells: list[str | None]) -> None:
    assert date_formats_of(pl.Series("d", cells, pl.String)) == []


def test_number_reads_unknown_dates_as_missing() -> None:
    frame = pl.DataFrame({"d": ["31.12.2024", "soon", None]})
    got = frame.select(number("d", frame.schema["d"], ["%d.%m.%Y"])).to_series()
    assert got.to_list() == [20088.0, None, None]
