"""Cells to times: epochs, dates as people write them, and day and month that could be mistaken."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from m6rec_cli.preprocessing import tables
from m6rec_cli.preprocessing.columns import timestamps


def _apply(make, series: pl.Series, *more):  # type: ignore[no-untyped-def]
    frame = series.alias("c").to_frame()
    return frame.select(make("c", frame.schema["c"], *more).alias("r"))["r"].to_list()


def _ms(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("cells", "want"),
    [
        (["881250949", "881250950"], _ms(1997, 12, 4, 15, 55, 49)),
        ([881250949.0], _ms(1997, 12, 4, 15, 55, 49)),
        ([881250949000], _ms(1997, 12, 4, 15, 55, 49)),
        ([881250949000000], _ms(1997, 12, 4, 15, 55, 49)),
        ([881250949000000000], _ms(1997, 12, 4, 15, 55, 49)),
        (["2010-12-01 08:26:00"], _ms(2010, 12, 1, 8, 26)),
        (["2010-12-01T08:26:00"], _ms(2010, 12, 1, 8, 26)),
        (["2010-12-01T08:26:00.250"], _ms(2010, 12, 1, 8, 26) + 250),
        (["2010-12-01T08:26:00Z"], _ms(2010, 12, 1, 8, 26)),
        (["2010-12-01T09:26:00+01:00"], _ms(2010, 12, 1, 8, 26)),
        (["2010-12-01 08:26"], _ms(2010, 12, 1, 8, 26)),
        (["2010-12-01T08:26Z"], _ms(2010, 12, 1, 8, 26)),
        (["2010-12-01 09:26:00 +0100"], _ms(2010, 12, 1, 8, 26)),
        (["2010-12-01 08:26:00 UTC"], _ms(2010, 12, 1, 8, 26)),
        (["2010-12-01"], _ms(2010, 12, 1)),
        (["20101201082600"], _ms(2010, 12, 1, 8, 26)),
        (["12/31/2010 8:26 PM"], _ms(2010, 12, 31, 20, 26)),
        (["31-12-2010 08:26"], _ms(2010, 12, 31, 8, 26)),
        (["01-Jan-1995"], _ms(1995, 1, 1)),
        (["20101201"], _ms(2010, 12, 1)),
        ([20101201], _ms(2010, 12, 1)),
        (["12/31/2010 8:26"], _ms(2010, 12, 31, 8, 26)),
        (["31/12/2010"], _ms(2010, 12, 31)),
        (["201012010826", "201012312359"], _ms(2010, 12, 1, 8, 26)),
        ([201012010826], _ms(2010, 12, 1, 8, 26)),
        (["201012010826.0"], _ms(2010, 12, 1, 8, 26)),
        (["2010-12-01 08:26:00+00"], _ms(2010, 12, 1, 8, 26)),
        (["2010-12-01 09:26:00.25+01"], _ms(2010, 12, 1, 8, 26) + 250),
        (["2010-12-01 03:26 -05"], _ms(2010, 12, 1, 8, 26)),
        (["2010-12-01", "NA", "NA", r"\N"], _ms(2010, 12, 1)),
        (["20101201", "NA"], _ms(2010, 12, 1)),
        (["881250949", "NA", "NA"], _ms(1997, 12, 4, 15, 55, 49)),
        (["12/31/10 8:26"], _ms(2010, 12, 31, 8, 26)),
        (["31/12/10 8:26:07"], _ms(2010, 12, 31, 8, 26, 7)),
        (["12/31/10 8:26 PM"], _ms(2010, 12, 31, 20, 26)),
        (["31.12.10"], _ms(2010, 12, 31)),
        (["31.12.70"], _ms(1970, 12, 31)),
        (["31.12.99 08:26"], _ms(1999, 12, 31, 8, 26)),
        (["31.12.2010"], _ms(2010, 12, 31)),
        ([date(2010, 12, 1)], _ms(2010, 12, 1)),
        ([datetime(2010, 12, 1, 8, 26)], _ms(2010, 12, 1, 8, 26)),
        ([datetime(2010, 12, 1, 8, 26, tzinfo=UTC)], _ms(2010, 12, 1, 8, 26)),
    ],
)
def test_timestamp_auto_reads_epochs_and_dates(cells: list[object], want: int) -> None:
    series = pl.Series(cells)
    assert _apply(timestamps.timestamp, series, "auto", series)[0] == want


def test_timestamp_na_is_an_unreadable_cell() -> None:
    for cells in (["20101201", "NA"], ["881250949", "881250950", "NA"], ["31/12/10", "NA"]):
        series = pl.Series(cells)
        assert _apply(timestamps.timestamp, series, "auto", series)[-1] is None


def test_timestamp_short_years_are_read_where_most_cells_have_them() -> None:
    few = pl.Series(["31.12.2010", "30.12.2010", "29.12.10"])
    assert _apply(timestamps.timestamp, few, "auto", few) == [
        _ms(2010, 12, 31),
        _ms(2010, 12, 30),
        _ms(10, 12, 29),
    ]
    many = pl.Series(["31.12.10", "30.12.10", "29.12.2010", "NA"])
    assert _apply(timestamps.timestamp, many, "auto", many) == [
        _ms(2010, 12, 31),
        _ms(2010, 12, 30),
        _ms(2010, 12, 29),
        None,
    ]


def test_timestamp_short_years_that_come_first_are_not_taken_for_days() -> None:
    series = pl.Series([f"24/01/{day:02}" for day in range(1, 20)])
    assert _ms(2001, 1, 24) not in _apply(timestamps.timestamp, series, "auto", series)
    assert _apply(timestamps.timestamp, series, "%y/%m/%d", series)[0] == _ms(2024, 1, 1)


def test_timestamp_explicit_format_of_short_years_is_followed() -> None:
    series = pl.Series(["01.12.10"])
    assert _apply(timestamps.timestamp, series, "%d.%m.%y", series) == [_ms(2010, 12, 1)]


@pytest.mark.parametrize(
    ("cells", "want"),
    [
        ([45000.52, 45000.51, 45001.0, None, float("nan"), 45000.51], [2, 1, 3, None, None, 1]),
        (["0.5", "0.25", "x", "1"], [2, 1, None, 3]),
        ([17.0, 3.0, 17.0], [17, 3, 17]),
        (["17", "3", "NA"], [17, 3, None]),
    ],
)
def test_timestamp_order_with_fractions_is_a_rank(
    cells: list[object], want: list[int | None]
) -> None:
    series = pl.Series(cells)
    assert _apply(timestamps.timestamp, series, "order", series) == want


def test_timestamp_unreadable_cells_are_null() -> None:
    series = pl.Series(["2010-12-01", "yesterday", "", None])
    assert _apply(timestamps.timestamp, series, "auto", series) == [
        _ms(2010, 12, 1),
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
def test_timestamp_explicit_format_is_followed(form: str, cell: str, want: int) -> None:
    series = pl.Series([cell])
    assert _apply(timestamps.timestamp, series, form, series) == [want]


def test_timestamp_takes_the_unit_of_an_epoch_from_each_number() -> None:
    """A log may have changed from seconds to milliseconds."""
    series = pl.Series([881250949, 881250950000, None])
    assert _apply(timestamps.timestamp, series, "auto", series) == [
        881250949000,
        881250950000,
        None,
    ]


def test_timestamp_explicit_format_reads_numbers_too() -> None:
    series = pl.Series([20101201])
    assert _apply(timestamps.timestamp, series, "%Y%m%d", series) == [_ms(2010, 12, 1)]
    spaced = pl.Series([" 2010-12-01 08:26 UTC "])
    assert _apply(timestamps.timestamp, spaced, "%Y-%m-%d %H:%M UTC", spaced) == [
        _ms(2010, 12, 1, 8, 26)
    ]
    assert _apply(timestamps.timestamp, spaced, "%Y-%m-%d %H:%M", spaced) == [
        _ms(2010, 12, 1, 8, 26)
    ]


def test_timestamp_auto_never_reads_some_cells_by_the_day_and_some_by_the_month() -> None:
    series = pl.Series(["13/02/2010", "14/02/2010", "03/04/2010", "01/13/2010"])
    assert _apply(timestamps.timestamp, series, "auto", series) == [
        _ms(2010, 2, 13),
        _ms(2010, 2, 14),
        _ms(2010, 4, 3),
        None,
    ]


@pytest.mark.parametrize(
    ("late", "want"),
    [
        ("13/01/2010", "day-first"),
        ("01/13/2010", "month-first"),
        ("02/01/2010", None),
        ("NULL", None),
    ],
)
def test_settled_looks_at_the_whole_column_where_the_first_lines_do_not_tell(
    tmp_path: Path, late: str, want: str | None
) -> None:
    path = tmp_path / "e.csv"
    path.write_text(
        "user_id,item_id,date\nu,i,NULL\n" + "u,i,01/01/2010\n" * 20_000 + f"u,i,{late}\n"
    )
    form, doubt = timestamps.settled(tables.scan(path, "interactions"), "date")
    assert form == want or (want is None and form == "month-first")
    assert (doubt is None) == (want is not None)
    assert doubt is None or f"day and month of `date` cannot be told apart; read as {form}" in doubt


@pytest.mark.parametrize(
    ("late", "want"),
    [("13/1/10 8:26", "day-first"), ("1/13/10 8:26", "month-first"), ("2/1/10 8:26", None)],
)
def test_settled_short_years_follow_the_rules_of_long_ones(
    tmp_path: Path, late: str, want: str | None
) -> None:
    path = tmp_path / "e.csv"
    path.write_text("user_id,item_id,date\n" + "u,i,1/2/10 8:26\n" * 20_000 + f"u,i,{late}\n")
    form, doubt = timestamps.settled(tables.scan(path, "interactions"), "date")
    assert form == (want or "month-first")
    assert (doubt is None) == (want is not None)
    series = pl.Series(["1/2/10 8:26"])
    day = (2010, 2, 1) if form == "day-first" else (2010, 1, 2)
    assert _apply(timestamps.timestamp, series, form, series) == [_ms(*day, 8, 26)]


def test_settled_leaves_lists_to_auto(tmp_path: Path) -> None:
    pl.DataFrame({"date": [["2010-12-01"]]}).write_parquet(tmp_path / "e.parquet")
    assert timestamps.settled(tables.scan(tmp_path / "e.parquet", "interactions"), "date") == (
        "auto",
        None,
    )


@pytest.mark.parametrize("order", timestamps.ORDERS)
def test_timestamp_of_an_order_reads_all_lengths_of_it(tmp_path: Path, order: str) -> None:
    """Some exports leave midnight out."""
    day = "31/12/2010" if order == "day-first" else "12/31/2010"
    cells = [f"{day} 08:26", day, f"{day} 08:26:07", "03/04/2010"]
    path = tmp_path / "e.csv"
    path.write_text("n,date\n" + "".join(f"1,{cell}\n" for cell in cells))
    assert timestamps.settled(tables.scan(path, "interactions"), "date") == (order, None)
    series = pl.Series(cells)
    third = (2010, 4, 3) if order == "day-first" else (2010, 3, 4)
    assert _apply(timestamps.timestamp, series, order, series) == [
        _ms(2010, 12, 31, 8, 26),
        _ms(2010, 12, 31),
        _ms(2010, 12, 31, 8, 26, 7),
        _ms(*third),
    ]


def test_settled_is_not_put_off_by_a_few_cells_that_are_no_dates(tmp_path: Path) -> None:
    """Logs by time begin in the first days of a month, where either order reads all."""
    path = tmp_path / "e.csv"
    days = [f"{n % 12 + 1:02}/03/2010" for n in range(200)]
    path.write_text(
        "n,date\n" + "".join(f"1,{cell}\n" for cell in ["never", "2010-03-01", *days, "25/03/2010"])
    )
    assert timestamps.settled(tables.scan(path, "interactions"), "date") == ("day-first", None)


def test_timestamp_auto_never_mixes_orders_of_different_lengths() -> None:
    series = pl.Series(["25/04/2010", "26/04/2010", "03/04/2010 08:26"])
    assert _apply(timestamps.timestamp, series, "auto", series)[2] == _ms(2010, 4, 3, 8, 26)


def test_timestamp_of_an_order_reads_lengths_that_the_first_lines_have_not() -> None:
    sample = pl.Series(["31/12/2010 08:26:01", None])
    series = pl.Series(["31/12/2010", "31/12/2010 08:26"])
    assert None not in _apply(timestamps.timestamp, series, "day-first", sample)
    assert None not in _apply(
        timestamps.timestamp, series, "day-first", pl.Series([None], dtype=pl.String)
    )


def test_timestamp_auto_reads_points_and_iso_of_all_lengths_in_one_column(tmp_path: Path) -> None:
    cells = ["31.12.2010 08:26", "31.12.2010", "01.02.2010 08:26"]
    path = tmp_path / "e.csv"
    path.write_text("n,date\n" + "".join(f"1,{cell}\n" for cell in cells))
    assert timestamps.settled(tables.scan(path, "interactions"), "date") == ("auto", None)
    series = pl.Series([*cells, "2010-12-31"])
    assert None not in _apply(timestamps.timestamp, series, "auto", series)


@pytest.mark.parametrize("cells", [["2010-12-01"], ["881250949"], ["soon"], [""]])
def test_settled_leaves_other_columns_to_auto(tmp_path: Path, cells: list[str]) -> None:
    path = tmp_path / "e.csv"
    path.write_text("date,n\n" + "".join(f"{cell},1\n" for cell in cells))
    assert timestamps.settled(tables.scan(path, "interactions"), "date") == ("auto", None)
