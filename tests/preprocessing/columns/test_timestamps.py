"""Time cells to milliseconds or ranks."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from tests.preprocessing.columns.time_cells import ms, parsed


@pytest.mark.parametrize(
    ("cells", "want"),
    [
        (["881250949", "881250950"], ms(1997, 12, 4, 15, 55, 49)),
        ([881250949.0], ms(1997, 12, 4, 15, 55, 49)),
        ([881250949000], ms(1997, 12, 4, 15, 55, 49)),
        ([881250949000000], ms(1997, 12, 4, 15, 55, 49)),
        ([881250949000000000], ms(1997, 12, 4, 15, 55, 49)),
        (["2010-12-01 08:26:00"], ms(2010, 12, 1, 8, 26)),
        (["2010-12-01T08:26:00"], ms(2010, 12, 1, 8, 26)),
        (["2010-12-01T08:26:00.250"], ms(2010, 12, 1, 8, 26) + 250),
        (["2010-12-01T08:26:00Z"], ms(2010, 12, 1, 8, 26)),
        (["2010-12-01T09:26:00+01:00"], ms(2010, 12, 1, 8, 26)),
        (["2010-12-01 08:26"], ms(2010, 12, 1, 8, 26)),
        (["2010-12-01T08:26Z"], ms(2010, 12, 1, 8, 26)),
        (["2010-12-01 09:26:00 +0100"], ms(2010, 12, 1, 8, 26)),
        (["2010-12-01 08:26:00 UTC"], ms(2010, 12, 1, 8, 26)),
        (["2010-12-01"], ms(2010, 12, 1)),
        (["20101201082600"], ms(2010, 12, 1, 8, 26)),
        (["12/31/2010 8:26 PM"], ms(2010, 12, 31, 20, 26)),
        (["31-12-2010 08:26"], ms(2010, 12, 31, 8, 26)),
        (["01-Jan-1995"], ms(1995, 1, 1)),
        (["December 1, 2010", "May 2, 2011"], ms(2010, 12, 1)),
        (["01-December-2010 08:26:00"], ms(2010, 12, 1, 8, 26)),
        (["Wed Dec 01 00:26:00 -0800 2010"], ms(2010, 12, 1, 8, 26)),
        (["Wed Dec  1 08:26:00 UTC 2010", "NA"], ms(2010, 12, 1, 8, 26)),
        (["Wed Dec  1 08:26:00 2010"], ms(2010, 12, 1, 8, 26)),
        (["Wed, 01 Dec 2010 09:26:00 +0100"], ms(2010, 12, 1, 8, 26)),
        (["Wed, 01 Dec 2010 08:26:00 GMT"], ms(2010, 12, 1, 8, 26)),
        (["Wednesday, December 1, 2010"], ms(2010, 12, 1)),
        (["20101201"], ms(2010, 12, 1)),
        ([20101201], ms(2010, 12, 1)),
        (["12/31/2010 8:26"], ms(2010, 12, 31, 8, 26)),
        (["31/12/2010"], ms(2010, 12, 31)),
        (["201012010826", "201012312359"], ms(2010, 12, 1, 8, 26)),
        ([201012010826], ms(2010, 12, 1, 8, 26)),
        (["201012010826.0"], ms(2010, 12, 1, 8, 26)),
        (["2010-12-01 08:26:00+00"], ms(2010, 12, 1, 8, 26)),
        (["2010-12-01 09:26:00.25+01"], ms(2010, 12, 1, 8, 26) + 250),
        (["2010-12-01 03:26 -05"], ms(2010, 12, 1, 8, 26)),
        (["2010-12-01", "NA", "NA", r"\N"], ms(2010, 12, 1)),
        (["20101201", "NA"], ms(2010, 12, 1)),
        (["881250949", "NA", "NA"], ms(1997, 12, 4, 15, 55, 49)),
        (["12/31/10 8:26"], ms(2010, 12, 31, 8, 26)),
        (["31/12/10 8:26:07"], ms(2010, 12, 31, 8, 26, 7)),
        (["12/31/10 8:26 PM"], ms(2010, 12, 31, 20, 26)),
        (["31.12.10"], ms(2010, 12, 31)),
        (["31.12.70"], ms(1970, 12, 31)),
        (["31.12.99 08:26"], ms(1999, 12, 31, 8, 26)),
        (["31.12.2010"], ms(2010, 12, 31)),
        ([date(2010, 12, 1)], ms(2010, 12, 1)),
        ([datetime(2010, 12, 1, 8, 26)], ms(2010, 12, 1, 8, 26)),
        ([datetime(2010, 12, 1, 8, 26, tzinfo=UTC)], ms(2010, 12, 1, 8, 26)),
    ],
)
def test_auto_parses_epochs_and_dates(cells: list[object], want: int) -> None:
    series = pl.Series(cells)
    assert parsed(series, "auto")[0] == want


def test_auto_na_is_missing() -> None:
    for cells in (["20101201", "NA"], ["881250949", "881250950", "NA"], ["31/12/10", "NA"]):
        series = pl.Series(cells)
        assert parsed(series, "auto")[-1] is None


def test_auto_parses_two_digit_years_if_most_cells_have_them() -> None:
    few = pl.Series(["31.12.2010", "30.12.2010", "29.12.10"])
    assert parsed(few, "auto") == [
        ms(2010, 12, 31),
        ms(2010, 12, 30),
        ms(10, 12, 29),
    ]
    many = pl.Series(["31.12.10", "30.12.10", "29.12.2010", "NA"])
    assert parsed(many, "auto") == [
        ms(2010, 12, 31),
        ms(2010, 12, 30),
        ms(2010, 12, 29),
        None,
    ]


def test_auto_does_not_parse_a_leading_two_digit_year_as_a_day() -> None:
    series = pl.Series([f"24/01/{day:02}" for day in range(1, 20)])
    assert ms(2001, 1, 24) not in parsed(series, "auto")
    assert parsed(series, "%y/%m/%d")[0] == ms(2024, 1, 1)


def test_pattern_parses_two_digit_years() -> None:
    series = pl.Series(["01.12.10"])
    assert parsed(series, "%d.%m.%y") == [ms(2010, 12, 1)]


@pytest.mark.parametrize(
    ("cells", "want"),
    [
        ([45000.52, 45000.51, 45001.0, None, float("nan"), 45000.51], [2, 1, 3, None, None, 1]),
        (["0.5", "0.25", "x", "1"], [2, 1, None, 3]),
        ([17.0, 3.0, 17.0], [17, 3, 17]),
        (["17", "3", "NA"], [17, 3, None]),
    ],
)
def test_order_with_fractions_becomes_ranks(cells: list[object], want: list[int | None]) -> None:
    series = pl.Series(cells)
    assert parsed(series, "order") == want


def test_auto_unreadable_cells_are_null() -> None:
    series = pl.Series(["2010-12-01", "yesterday", "", None])
    assert parsed(series, "auto") == [
        ms(2010, 12, 1),
        None,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("form", "cell", "want"),
    [
        ("order", "17", 17),
        ("s", "2", 2000),
        ("ms", "2", 2),
        ("us", "2000", 2),
        ("ns", "2000000", 2),
        ("%d/%m/%Y", "02/01/1970", 86_400_000),
        ("%Y-%m-%d %H:%M %z", "1970-01-01 01:00 +0100", 0),
    ],
)
def test_explicit_format_parses_cells(form: str, cell: str, want: int) -> None:
    series = pl.Series([cell])
    assert parsed(series, form) == [want]


def test_auto_detects_the_unit_of_each_epoch() -> None:
    """Some logs change from seconds to milliseconds."""
    series = pl.Series([881250949, 881250950000, None])
    assert parsed(series, "auto") == [
        881250949000,
        881250950000,
        None,
    ]


def test_pattern_parses_numbers_and_zone_names() -> None:
    series = pl.Series([20101201])
    assert parsed(series, "%Y%m%d") == [ms(2010, 12, 1)]
    spaced = pl.Series([" 2010-12-01 08:26 UTC "])
    assert parsed(spaced, "%Y-%m-%d %H:%M UTC") == [ms(2010, 12, 1, 8, 26)]
    assert parsed(spaced, "%Y-%m-%d %H:%M") == [ms(2010, 12, 1, 8, 26)]


def test_auto_parses_all_cells_in_one_date_order() -> None:
    series = pl.Series(["13/02/2010", "14/02/2010", "03/04/2010", "01/13/2010"])
    assert parsed(series, "auto") == [
        ms(2010, 2, 13),
        ms(2010, 2, 14),
        ms(2010, 4, 3),
        None,
    ]


def test_auto_parses_all_lengths_in_one_date_order() -> None:
    series = pl.Series(["25/04/2010", "26/04/2010", "03/04/2010 08:26"])
    assert parsed(series, "auto")[2] == ms(2010, 4, 3, 8, 26)


def test_date_order_parses_lengths_that_the_sample_lacks() -> None:
    sample = pl.Series(["31/12/2010 08:26:01", None])
    series = pl.Series(["31/12/2010", "31/12/2010 08:26"])
    assert None not in parsed(series, "day-first", sample)
    assert None not in parsed(series, "day-first", pl.Series([None], dtype=pl.String))
