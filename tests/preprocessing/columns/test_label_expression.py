"""The `--positive` expression on CSV text and on typed columns."""

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from m6rec_cli.preprocessing import event_log, tables
from m6rec_cli.preprocessing.columns import (
    label_expression,
)
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.system.errors import M6RecError

LOG = 'u,i,rating,event,kind\na,x,5,buy,1\na,y,3,view,2\na,z,,"it\'s",1\na,v,4.0,buy,x\n'


def labels(tmp_path: Path, log: str, expression: str) -> list[bool]:
    """The labels that the expression gives to the events of a CSV log."""
    (tmp_path / "e.csv").write_text(log)
    table = tables.scan(tmp_path / "e.csv", "interactions")
    schema = Schema(user="u", item="i")
    return event_log.parse(table, schema, label=expression).frame["label"].to_list()


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("rating >= 4", [True, False, False, True]),
        ('event == "buy"', [True, False, False, True]),
        ("event = 'buy'", [True, False, False, True]),
        ('event == "it\'s"', [False, False, True, False]),
        ("rating > 3 and event in ('buy', 'view')", [True, False, False, True]),
        ('"rating" < 4 or "event" = "buy"', [True, True, False, True]),
        ('kind == "1"', [True, False, True, False]),
        ("rating is null", [False, False, True, False]),
        ('event != "buy"', [False, True, True, False]),
    ],
)
def test_label_expression_labels_matching_events(
    tmp_path: Path, text: str, want: list[bool]
) -> None:
    assert labels(tmp_path, LOG, text) == want


def test_label_expression_compares_number_column_with_text(tmp_path: Path) -> None:
    assert labels(tmp_path, "u,i,event\na,x,1\na,y,2\n", 'event == "1"') == [True, False]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("rating >", "the expression cannot be parsed"),
        ("rating >= 4; drop", "labels need no comments"),
        ("ratings >= 4", "the interactions have no column `ratings`"),
        ("1 = 1", "the expression names no column"),
        ("rating + 1", "is not true or false for each event"),
        ("max(rating) > 4", "the function `max` is not allowed"),
        ("upper(rating, 3) > 4", "the expression"),
        ("rating >= 40", "the expression labels no event"),
        ("", "the expression"),
    ],
)
def test_label_expression_invalid_raises(tmp_path: Path, text: str, what: str) -> None:
    if not text:
        (tmp_path / "e.csv").write_text(LOG)
        with pytest.raises(M6RecError, match=what):
            label_expression.parse_label_expression(
                tables.scan(tmp_path / "e.csv", "interactions"), text
            )
        return
    with pytest.raises(M6RecError, match=what) as error:
        labels(tmp_path, LOG, text)
    assert error.value.where == f"--positive '{text}'"
    if "ratings" in text:
        assert error.value.hint == "did you mean `rating`?"


MIXED = (
    "u,i,rating,date,event,is_buy,gift\n"
    "a,x,5,2024-01-02,1,True,TRUE\na,y,3,2024-01-03,1,True,FALSE\n"
    "a,z,NA,2023-12-31,2,False,TRUE\na,v,4.0,2023-12-30,1,,\n"
)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("rating >= 4 and date >= '2024-01-01'", [True, False, False, False]),
        ("event == '1' and rating >= 4", [True, False, False, True]),
        ("event == 1 and rating >= 4 and date < '2024-01-01'", [False, False, False, True]),
        ("is_buy", [True, True, False, False]),
        ("not is_buy", [False, False, True, False]),
        ("is_buy == true", [True, True, False, False]),
        ("is_buy == false", [False, False, True, False]),
        ("is_buy == 'True'", [True, True, False, False]),
        ("is_buy and gift", [True, False, False, False]),
        ("is_buy and rating > 4", [True, False, False, False]),
        ("is_buy and event == '1' and date > '2024-01-02'", [False, True, False, False]),
    ],
)
def test_label_expression_interprets_each_column_as_it_fits(
    tmp_path: Path, text: str, want: list[bool]
) -> None:
    assert labels(tmp_path, MIXED, text) == want


def test_label_expression_with_a_column_as_number_and_text_raises(tmp_path: Path) -> None:
    with pytest.raises(M6RecError, match="the expression does not fit the columns"):
        labels(tmp_path, MIXED, "event == '1' or event == 2")


def test_label_expression_with_too_many_combinations_falls_back_to_text(tmp_path: Path) -> None:
    names = [f"c{k}" for k in range(9)]
    log = (
        ",".join(["u", "i", *names]) + "\n" + "\n".join(["a,x" + ",1" * 9, "a,y" + ",2" * 9]) + "\n"
    )
    expression = " and ".join(f"{name} == '1'" for name in names)
    assert labels(tmp_path, log, expression) == [
        True,
        False,
    ]


DAYS = [datetime(2024, 1, 31), datetime(2024, 1, 31, 12, 0, 0, 500_000), datetime(2024, 2, 1)]


@pytest.mark.parametrize("dtype", [pl.Date, pl.Datetime("us"), pl.Datetime("ms", "UTC")])
@pytest.mark.parametrize(
    ("text", "date", "time"),
    [
        ("t >= '2024-02-01'", [False, False, True], [False, False, True]),
        ("t == '2024-01-31'", [True, True, False], [True, False, False]),
        ("t > '2024-01-31' and n >= 1", [False, False, True], [False, True, True]),
        ("t < '2024-01-31 12:00:01'", [True, True, False], [True, True, False]),
        ("t >= '2024-01-31T12:00'", [False, False, True], [False, True, True]),
        ("t > '2024-01-31 00:00:00Z'", [False, False, True], [False, True, True]),
    ],
)
def test_label_expression_compares_dates_with_iso_text(
    tmp_path: Path, dtype: pl.DataType, text: str, date: list[bool], time: list[bool]
) -> None:
    cells = (
        pl.Series(DAYS).cast(dtype)
        if dtype != pl.Datetime("ms", "UTC")
        else (pl.Series(DAYS).dt.replace_time_zone("UTC").cast(dtype))
    )
    frame = pl.DataFrame({"u": ["a"] * 3, "i": ["x", "y", "z"], "n": [1, 2, 3], "t": cells})
    frame.write_parquet(tmp_path / "e.parquet")
    parsed = event_log.parse(
        tables.scan(tmp_path / "e.parquet", "interactions"), Schema(user="u", item="i"), label=text
    )
    assert parsed.frame["label"].to_list() == (date if dtype == pl.Date else time)
