"""Which columns of a log are its time, by names and by values."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from m6rec_cli.preprocessing import event_log
from m6rec_cli.preprocessing.columns import roles, time_values
from m6rec_cli.preprocessing.columns.time_column import TimeColumns, find_time
from tests.preprocessing.columns.table_files import table_of

START = datetime(2023, 5, 1, 8, 30, tzinfo=UTC)
STEPS = [START + timedelta(days=3 * i, minutes=11 * i) for i in range(6)]
IDS = {"user_id": ["a", "a", "a", "b", "b", "b"], "item_id": ["x", "y", "z", "y", "z", "x"]}


def written(form: str) -> list[str]:
    return [step.strftime(form) for step in STEPS]


def find(folder: Path, columns: dict[str, list[object]]) -> TimeColumns:
    return find_time(table_of(folder, {**IDS, **columns}), "user_id", "item_id", set())


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("ordered_at", "%Y-%m-%d %H:%M:%S"),
        ("enrollment_date", "%Y-%m-%d"),
        ("order_purchase_timestamp", "%Y-%m-%dT%H:%M:%S"),
        ("dt", "%d.%m.%Y"),
        ("Bestelldatum", "%d.%m.%Y %H:%M"),
        ("showTime", "%Y/%m/%d"),
        ("when", "%Y%m%d"),
        ("注文日", "%Y/%m/%d"),
        ("no_usual_name", "%Y-%m-%d %H:%M"),
    ],
)
def test_find_time_takes_the_only_column_of_dates(tmp_path: Path, name: str, form: str) -> None:
    found = find(tmp_path, {"slot": [3, 2, 1, 1, 5, 2], name: written(form)})
    assert found.timestamp == name


@pytest.mark.parametrize("unit", [1, 1000, 1_000_000])
def test_find_time_takes_epochs_whose_name_sounds_like_time(tmp_path: Path, unit: int) -> None:
    epochs = [int(step.timestamp()) * unit for step in STEPS]
    assert find(tmp_path, {"played_ts": epochs}).timestamp == "played_ts"
    found = find(tmp_path, {"phone": epochs})
    assert found.timestamp is None
    assert "name does not say so" in found.unused["phone"]


@pytest.mark.parametrize("order", ["position", "rank", "step"])
def test_find_time_prefers_times_to_an_order(tmp_path: Path, order: str) -> None:
    columns = {order: [3, 2, 1, 1, 5, 2], "click_ts": written("%Y-%m-%d %H:%M:%S")}
    assert find(tmp_path, columns).timestamp == "click_ts"
    del columns["click_ts"]
    found = find(tmp_path, columns)
    assert (found.timestamp, found.form) == (order, "order")


def test_find_time_prefers_the_finer_of_two_columns_that_agree(tmp_path: Path) -> None:
    columns = {"date": written("%Y-%m-%d"), "logged": written("%Y-%m-%d %H:%M:%S")}
    assert find(tmp_path, columns).timestamp == "logged"
    later = [(step + timedelta(days=40)).strftime("%Y-%m-%d %H:%M:%S") for step in STEPS]
    found = find(tmp_path, {"date": columns["date"], "delivered": later})
    assert found.timestamp == "date"
    assert "delivered" in found.unused


@pytest.mark.parametrize(
    ("clock", "values"),
    [
        ("time", written("%H:%M:%S")),
        ("Uhrzeit", written("%H:%M")),
        ("time", [int(step.strftime("%H%M")) for step in STEPS]),
        ("hour", [step.hour for step in STEPS]),
    ],
)
def test_find_time_joins_a_date_and_a_time_of_day(
    tmp_path: Path, clock: str, values: list[object]
) -> None:
    table = table_of(tmp_path, {**IDS, "date": written("%Y-%m-%d"), clock: values})
    schema, _, _ = roles.infer_roles(table)
    assert (schema.timestamp, schema.time_of_day) == ("date", clock)
    frame = event_log.parse(table, schema).frame
    expected = [step.replace(minute=0) if clock == "hour" else step for step in STEPS]
    assert frame["timestamp"].to_list() == [int(step.timestamp() * 1000) for step in expected]


def test_find_time_joins_a_parquet_column_of_times_of_day(tmp_path: Path) -> None:
    columns = {**IDS, "date": [s.date() for s in STEPS], "time": [s.time() for s in STEPS]}
    schema, _, _ = roles.infer_roles(table_of(tmp_path, columns, "e.parquet"))
    assert (schema.timestamp, schema.time_of_day) == ("date", "time")


def test_find_time_leaves_dates_of_birth_and_of_release_out(tmp_path: Path) -> None:
    n = 200
    users, items = [i % 20 for i in range(n)], [i * 7 % 23 for i in range(n)]
    columns = {
        "user_id": users,
        "item_id": items,
        "dob": [f"19{60 + u}-02-03" for u in users],
        "member_since": [f"2019-{1 + u % 12:02}-{1 + u:02}" for u in users],
        "released": [f"20{10 + i % 10}-{1 + i % 12:02}-11" for i in items],
    }
    found = find_time(table_of(tmp_path, columns), "user_id", "item_id", set())
    assert found.timestamp is None
    assert "birth" in found.unused["dob"]
    assert "depends on the user" in found.unused["member_since"]
    assert "depends on the item" in found.unused["released"]
    assert "`released`" in found.warnings[0]


def test_find_time_without_one_warns_of_lines_sorted_by_item(tmp_path: Path) -> None:
    users = [user for user in range(12) for _ in range(5)]
    items = sorted((user, (user * 7 + i * 13) % 97) for user in range(12) for i in range(5))
    by_item = {"user_id": users, "item_id": [item for _, item in items]}
    found = find_time(table_of(tmp_path, by_item), "user_id", "item_id", set())
    assert "sorted by `item_id`" in found.warnings[0]
    mixed = {"user_id": users, "item_id": [(u * 7 + i * 13) % 97 for i, u in enumerate(users)]}
    found = find_time(table_of(tmp_path, mixed), "user_id", "item_id", set())
    assert "events are in file order" in found.warnings[0]


def test_infer_roles_no_time_takes_file_order_without_a_warning(tmp_path: Path) -> None:
    table = table_of(tmp_path, {**IDS, "date": written("%Y-%m-%d")})
    schema, warnings, _ = roles.infer_roles(table, no_time=True)
    assert schema.timestamp is None
    assert warnings == []


def test_read_as_booleans_and_texts_are_no_times() -> None:
    assert time_values.read_as(pl.Series("a", [True, False])) is None
    assert time_values.read_as(pl.Series("a", ["red", "blue 2020"])) is None
    assert time_values.read_as(pl.Series("a", ["", None])) is None


def test_find_time_names_a_column_that_sounds_like_a_time_and_cannot_be_read(
    tmp_path: Path,
) -> None:
    cells = [f"{step.day} of {step.month}, {step.year}" for step in STEPS]
    found = find(tmp_path, {"day_of_order": cells, "update": ["new"] * 6})
    assert found.timestamp is None
    assert "cannot be read as times" in found.unused["day_of_order"]
    assert "`day_of_order`" in found.warnings[0]
    assert "update" not in found.unused
