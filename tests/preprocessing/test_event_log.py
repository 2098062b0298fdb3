"""A raw event log to clean events: every row rule, and its count."""

from pathlib import Path

import polars as pl
import pytest

from m6rec_cli.preprocessing import event_log, tables
from m6rec_cli.preprocessing.cleaning.rules import CleaningLog
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.system.errors import M6RecError

TIMED = Schema(user="u", item="i", timestamp="t", event="e")


def _parse(tmp_path: Path, text: str, schema: Schema) -> event_log.ParsedLog:
    (tmp_path / "e.csv").write_text(text)
    return event_log.parse(tables.scan(tmp_path / "e.csv", "interactions"), schema)


def _count(parsed: event_log.ParsedLog, part: str) -> int:
    (rule,) = [r for r in parsed.cleaning.rules if part in r.rule]
    return rule.changed if rule.dropped is None else rule.dropped


def test_parse_counts_every_row_rule(tmp_path: Path) -> None:
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
    (rule,) = [r for r in parsed.cleaning.rules if "duplicates" in r.rule]
    assert rule.examples == ["x (row 9)"]


def test_parse_order_column_drops_only_equal_lines(tmp_path: Path) -> None:
    schema = Schema(user="u", item="i", timestamp="o", timestamp_format="order")
    parsed = _parse(tmp_path, "u,i,o,n\na,x,1,p\na,x,1,p\na,x,1,q\na,x,2,p\n", schema)
    assert len(parsed.frame) == 3
    assert _count(parsed, "duplicates") == 1


def test_parse_lines_of_one_time_that_differ_elsewhere_are_events(tmp_path: Path) -> None:
    parsed = _parse(
        tmp_path,
        "u,i,t,e,order,n\n" + "a,x,2024-01-01,buy,o1,1\n" * 2 + "a,x,2024-01-01,buy,o2,1\n"
        "a,x,2024-01-01,buy,o2,3\n",
        TIMED,
    )
    assert len(parsed.frame) == 3
    assert _count(parsed, "duplicates") == 1


def test_parse_row_index_without_a_name_does_not_hide_duplicates(tmp_path: Path) -> None:
    parsed = _parse(tmp_path, ",u,i,t,e\n0,a,x,2024-01-01,buy\n1,a,x,2024-01-01,buy\n", TIMED)
    assert _count(parsed, "duplicates") == 1


def test_parse_counts_repeated_header_lines(tmp_path: Path) -> None:
    parsed = _parse(tmp_path, "u,i\na,x\nu,i\nb,y\n", Schema(user="u", item="i"))
    assert _count(parsed, "repeated header lines") == 1
    assert parsed.frame["user"].cast(pl.String).to_list() == ["a", "b"]


def test_parse_without_timestamp_keeps_equal_lines(tmp_path: Path) -> None:
    parsed = _parse(tmp_path, "u,i\na,x\na,x\n", Schema(user="u", item="i"))
    assert parsed.frame["timestamp"].to_list() == [1, 2]


def test_parse_drops_cancelled_and_free_lines(tmp_path: Path) -> None:
    schema = Schema(user="u", item="i", quantity="q", price="p")
    parsed = _parse(tmp_path, "u,i,q,p\na,x,1,2\na,y,-1,2\na,z,0,2\na,v,1,0\na,w,,\n", schema)
    assert parsed.frame["item"].cast(pl.String).to_list() == ["x", "w"]
    assert _count(parsed, "quantity of zero or less") == 2
    assert _count(parsed, "price of zero or less") == 1


def test_parse_drops_missing_users_of_the_schema(tmp_path: Path) -> None:
    parsed = _parse(
        tmp_path, "u,i\n0,x\n0.0,y\n1,z\n", Schema(user="u", item="i", missing_users=("0", "0.0"))
    )
    assert parsed.frame["user"].cast(pl.String).to_list() == ["1"]


def test_parse_replaces_missing_and_negative_weights_by_one(tmp_path: Path) -> None:
    parsed = _parse(
        tmp_path, "u,i,w\na,x,0.5\na,y,\na,z,-1\n", Schema(user="u", item="i", weight="w")
    )
    assert parsed.frame["weight"].to_list() == [0.5, 1.0, 1.0]
    assert _count(parsed, "weight") == 2


def test_parse_without_events_left_names_the_largest_rule(tmp_path: Path) -> None:
    with pytest.raises(M6RecError, match="no event is left after cleaning") as error:
        _parse(tmp_path, "u,i,t,e\na,x,,buy\n", TIMED)
    assert "no readable timestamp" in str(error.value.hint)


def test_parse_unreadable_times_raise_an_error_with_the_first(tmp_path: Path) -> None:
    with pytest.raises(M6RecError, match="no time on the first lines can be read") as error:
        _parse(tmp_path, "u,i,t,e\na,x,,buy\na,x,half past nine,buy\n", TIMED)
    assert str(error.value.where).endswith("e.csv, column `t`, first: `half past nine`")
    assert "`timestamp_format`" in str(error.value.hint)


def test_parse_invalid_timestamp_format_raises(tmp_path: Path) -> None:
    schema = Schema(user="u", item="i", timestamp="t", timestamp_format="%d/%m/%Y %H")
    with pytest.raises(M6RecError, match="`timestamp_format` is no pattern of times") as error:
        _parse(tmp_path, "u,i,t\na,x,01/02/2010 10\n", schema)
    assert "`%d/%m/%Y %H`" in str(error.value.where)


def test_parse_missing_role_column_suggests_the_nearest(tmp_path: Path) -> None:
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
def test_parse_role_column_with_nested_values_raises(
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


def test_parse_order_with_fractions_becomes_ranks(tmp_path: Path) -> None:
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
    cleaning = CleaningLog()
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
