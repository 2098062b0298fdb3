"""Row rules of an event log, each counted, and the `--positive` expression."""

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from m6rec_cli.preprocessing import event_log, tables
from m6rec_cli.preprocessing.cleaning.rules import Cleaning
from m6rec_cli.preprocessing.columns import label_expression
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.system.errors import M6RecError

TIMED = Schema(user="u", item="i", timestamp="t", event="e")


def _parse(tmp_path: Path, text: str, schema: Schema, label: str | None = None) -> event_log.Parsed:
    (tmp_path / "e.csv").write_text(text)
    return event_log.parse(tables.scan(tmp_path / "e.csv", "interactions"), schema, label=label)


def _count(parsed: event_log.Parsed, part: str) -> int:
    (rule,) = [r for r in parsed.cleaning.rules if part in r["rule"]]
    return rule.get("dropped", rule.get("changed"))


def test_parse_every_row_rule_is_counted(tmp_path: Path) -> None:
    parsed = _parse(
        tmp_path,
        """u,i,t,e
a,x,1000000000,buy
,x,1000000001,buy
nan,x,1000000001,buy
a,,1000000002,buy
a,y,soon,buy
a,y,0,buy
a,y,-5,buy
a,y,99999999999,buy
a,x,1000000000,buy
a,x,1000000000,view
a,x,1000000009,buy
b,z,1000000003,buy,what
""",
        TIMED,
    )
    assert parsed.frame.select("user", "item", "timestamp", "event").cast(
        {"user": str, "item": str, "event": str}
    ).rows() == [
        ("a", "x", 1_000_000_000_000, "buy"),
        ("a", "x", 1_000_000_000_000, "view"),
        ("a", "x", 1_000_000_009_000, "buy"),
    ]
    wanted = {
        "unparseable rows": 1,
        "no user id": 2,
        "no item id": 1,
        "no readable timestamp": 1,
        "in the future": 3,
        "exact duplicates": 1,
    }
    assert {part: _count(parsed, part) for part in wanted} == wanted
    (rule,) = [r for r in parsed.cleaning.rules if "duplicates" in r["rule"]]
    assert rule["examples"] == ["x (row 9)"]


def test_parse_order_column_drops_repeated_lines_alone(tmp_path: Path) -> None:
    schema = Schema(user="u", item="i", timestamp="o", timestamp_format="order")
    parsed = _parse(tmp_path, "u,i,o,n\na,x,1,p\na,x,1,p\na,x,1,q\na,x,2,p\n", schema)
    assert len(parsed.frame) == 3
    assert _count(parsed, "duplicates") == 1


def test_parse_without_time_keeps_repeated_lines(tmp_path: Path) -> None:
    parsed = _parse(tmp_path, "u,i\na,x\na,x\n", Schema(user="u", item="i"))
    assert parsed.frame["timestamp"].to_list() == [1, 2]


def test_parse_cancelled_and_free_lines_are_dropped(tmp_path: Path) -> None:
    schema = Schema(user="u", item="i", quantity="q", price="p")
    parsed = _parse(tmp_path, "u,i,q,p\na,x,1,2\na,y,-1,2\na,z,0,2\na,v,1,0\na,w,,\n", schema)
    assert parsed.frame["item"].cast(pl.String).to_list() == ["x", "w"]
    assert _count(parsed, "quantity of zero or less") == 2
    assert _count(parsed, "price of zero or less") == 1


def test_parse_named_missing_users_are_dropped(tmp_path: Path) -> None:
    parsed = _parse(
        tmp_path, "u,i\n0,x\n0.0,y\n1,z\n", Schema(user="u", item="i", missing_users=("0", "0.0"))
    )
    assert parsed.frame["user"].cast(pl.String).to_list() == ["1"]


def test_parse_weight_is_read_and_mended(tmp_path: Path) -> None:
    parsed = _parse(
        tmp_path, "u,i,w\na,x,0.5\na,y,\na,z,-1\n", Schema(user="u", item="i", weight="w")
    )
    assert parsed.frame["weight"].to_list() == [0.5, 1.0, 1.0]
    assert _count(parsed, "weight") == 2


def test_parse_nothing_left_names_the_rule(tmp_path: Path) -> None:
    with pytest.raises(M6RecError, match="no event is left after cleaning") as error:
        _parse(tmp_path, "u,i,t,e\na,x,,buy\n", TIMED)
    assert "no readable timestamp" in str(error.value.hint)


def test_parse_times_that_cannot_be_read_are_shown(tmp_path: Path) -> None:
    with pytest.raises(M6RecError, match="no time on the first lines can be read") as error:
        _parse(tmp_path, "u,i,t,e\na,x,,buy\na,x,half past nine,buy\n", TIMED)
    assert str(error.value.where).endswith("e.csv, column `t`, first: `half past nine`")
    assert "`timestamp_format`" in str(error.value.hint)


def test_parse_a_format_that_is_none_is_an_error(tmp_path: Path) -> None:
    schema = Schema(user="u", item="i", timestamp="t", timestamp_format="%d/%m/%Y %H")
    with pytest.raises(M6RecError, match="`timestamp_format` is no pattern of times") as error:
        _parse(tmp_path, "u,i,t\na,x,01/02/2010 10\n", schema)
    assert "`%d/%m/%Y %H`" in str(error.value.where)


def test_parse_missing_role_column_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(
        M6RecError, match="no column `times`, which the schema names as the timestamp"
    ) as error:
        _parse(tmp_path, "u,i,time\na,x,1\n", Schema(user="u", item="i", timestamp="times"))
    assert error.value.hint == "did you mean `time`?"


@pytest.mark.parametrize(
    "role", ["user", "item", "timestamp", "event", "weight", "quantity", "price"]
)
@pytest.mark.parametrize(
    ("cells", "holds"),
    [
        ([["a"], ["b"]], "lists or objects"),
        ([{"k": 1}, {"k": 2}], "lists or objects"),
        ([b"\xff", b"\0"], "bytes"),
    ],
)
def test_parse_role_of_several_values_a_cell_is_named(
    tmp_path: Path, role: str, cells: list[object], holds: str
) -> None:
    pl.DataFrame({"u": ["a", "b"], "i": ["x", "y"], "odd": cells}).write_parquet(
        tmp_path / "e.parquet"
    )
    schema = Schema(**({"user": "u", "item": "i"} | {role: "odd"}))  # type: ignore[arg-type]
    with pytest.raises(
        M6RecError, match=f"the column `odd`, .* as the {role}, holds {holds}"
    ) as error:
        event_log.parse(tables.scan(tmp_path / "e.parquet", "interactions"), schema)
    assert "e.parquet, column `odd`: " in str(error.value.where)
    assert error.value.hint


def test_parse_order_with_fractions_keeps_the_order(tmp_path: Path) -> None:
    schema = Schema(user="u", item="i", timestamp="o", timestamp_format="order")
    parsed = _parse(tmp_path, "u,i,o\na,x,0.53\na,y,0.51\na,z,NA\na,v,0.52\na,w,0.51\n", schema)
    assert dict(parsed.frame.select(pl.col("item").cast(pl.String), "timestamp").iter_rows()) == {
        "x": 3,
        "y": 1,
        "v": 2,
        "w": 1,
    }
    assert _count(parsed, "no readable order") == 1


def test_read_events_sorts_by_user_time_and_file_order(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text(
        "u,i,t,e\nb,1,1600000000,\na,2,1500000000,\na,3,1000000000,\na,4,1500000000,\n"
    )
    cleaning = Cleaning()
    frame = event_log.read_events(
        tables.scan(tmp_path / "e.csv", "interactions"), TIMED, cleaning=cleaning
    )
    assert dict(frame.schema) == {
        "user_id": pl.String,
        "item_id": pl.String,
        "timestamp": pl.Int64,
        "event": pl.String,
        "weight": pl.Float32,
    }
    assert frame["item_id"].to_list() == ["3", "2", "4", "1"]
    assert frame["event"].null_count() == 4
    assert cleaning.rules


LOG = 'u,i,rating,event,kind\na,x,5,buy,1\na,y,3,view,2\na,z,,"it\'s",1\na,v,4.0,buy,x\n'


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
def test_positive_expression_labels(tmp_path: Path, text: str, want: list[bool]) -> None:
    assert _parse(tmp_path, LOG, Schema(user="u", item="i"), text).frame["label"].to_list() == want


def test_positive_numbers_compared_as_text_fall_back_to_text(tmp_path: Path) -> None:
    assert _parse(
        tmp_path, "u,i,event\na,x,1\na,y,2\n", Schema(user="u", item="i"), 'event == "1"'
    ).frame["label"].to_list() == [True, False]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("rating >", "the expression cannot be read"),
        ("rating >= 4; drop", "the expression cannot be read"),
        ("ratings >= 4", "`ratings` is no column of the interactions"),
        ("1 = 1", "the expression names no column"),
        ("rating + 1", "is not true or false for each event"),
        ("max(rating) > 4", "is not true or false for each event"),
        ("upper(rating, 3) > 4", "the expression"),
        ("rating >= 40", "no event is labelled by the expression"),
        ("", "the expression"),
    ],
)
def test_positive_faulty_expression_is_named(tmp_path: Path, text: str, what: str) -> None:
    if not text:
        (tmp_path / "e.csv").write_text(LOG)
        with pytest.raises(M6RecError, match=what):
            label_expression.label(tables.scan(tmp_path / "e.csv", "interactions"), text)
        return
    with pytest.raises(M6RecError, match=what) as error:
        _parse(tmp_path, LOG, Schema(user="u", item="i"), text)
    assert error.value.where == f"--positive '{text}'"
    if "ratings" in text:
        assert error.value.hint == "did you mean `rating`?"


MIXED = (
    "u,i,rating,date,event,is_buy,gift\n"
    "a,x,5,2024-01-02,1,True,TRUE\na,y,3,2024-01-03,1,True,FALSE\na,z,NA,2023-12-31,2,False,TRUE\na,v,4.0,2023-12-30,1,,\n"
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
def test_positive_each_column_is_read_in_the_way_that_fits(
    tmp_path: Path, text: str, want: list[bool]
) -> None:
    assert (
        _parse(tmp_path, MIXED, Schema(user="u", item="i"), text).frame["label"].to_list() == want
    )


def test_positive_column_compared_as_number_and_text_does_not_fit(tmp_path: Path) -> None:
    with pytest.raises(M6RecError, match="the expression does not fit the columns"):
        _parse(tmp_path, MIXED, Schema(user="u", item="i"), "event == '1' or event == 2")


def test_positive_of_more_columns_than_can_be_tried_reads_all_as_text(tmp_path: Path) -> None:
    names = [f"c{k}" for k in range(9)]
    log = (
        ",".join(["u", "i", *names]) + "\n" + "\n".join(["a,x" + ",1" * 9, "a,y" + ",2" * 9]) + "\n"
    )
    expression = " and ".join(f"{name} == '1'" for name in names)
    assert _parse(tmp_path, log, Schema(user="u", item="i"), expression).frame[
        "label"
    ].to_list() == [
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
def test_positive_native_dates_are_compared_with_iso_text(
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
