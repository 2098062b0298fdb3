"""Schemas out of names and values, and schema files there and back."""

from pathlib import Path

import polars as pl
import pytest
from PIL import Image

from m6rec_cli.preprocessing import schema_file, tables
from m6rec_cli.preprocessing.columns import inference, kinds, roles
from m6rec_cli.preprocessing.schema import FeatureColumn, Schema
from m6rec_cli.system.errors import M6RecError


def _table(tmp_path: Path, columns: dict[str, list], name: str = "e.csv") -> tables.Table:
    frame = pl.DataFrame(columns)
    (frame.write_csv if name.endswith("csv") else frame.write_parquet)(tmp_path / name)
    return tables.scan(tmp_path / name, "interactions")


@pytest.mark.parametrize(
    ("columns", "user", "item", "time"),
    [
        (("user_id", "item_id", "timestamp"), "user_id", "item_id", "timestamp"),
        (("userId", "movieId", "ts"), "userId", "movieId", "ts"),
        (("UID", "SKU", "Date"), "UID", "SKU", "Date"),
        (
            ("reviewerID", "asin", "unixReviewTime", "reviewTime"),
            "reviewerID",
            "asin",
            "unixReviewTime",
        ),
        (
            ("InvoiceNo", "StockCode", "InvoiceDate", "Customer ID"),
            "Customer ID",
            "StockCode",
            "InvoiceDate",
        ),
        (("user", "item", "order"), "user", "item", "order"),
        (("visitorid", "itemid"), "visitorid", "itemid", None),
    ],
)
def test_roles_come_from_the_names_people_use(
    tmp_path: Path, columns: tuple[str, ...], user: str, item: str, time: str | None
) -> None:
    found, _ = roles.of_events(_table(tmp_path, {c: [10, 20, 30] for c in columns}))
    assert (found["user"], found["item"], found["timestamp"]) == (user, item, time)


def test_roles_without_a_user_name_the_columns(tmp_path: Path) -> None:
    with pytest.raises(M6RecError, match="no column looks like the user's id") as error:
        roles.of_events(_table(tmp_path, {"who": [1], "item_id": [2]}))
    assert "columns: who, item_id" in str(error.value.where)


def test_roles_of_a_file_with_two_colons_between_fields_say_how_to_make_a_table(
    tmp_path: Path,
) -> None:
    (tmp_path / "ratings.csv").write_text("1::1193::5::978300760\n1::661::3::978302109\n")
    with pytest.raises(M6RecError, match="divided by `::`") as error:
        roles.of_events(tables.scan(tmp_path / "ratings.csv", "interactions"))
    assert "sed" in str(error.value.hint)


def test_roles_without_an_item_name_the_columns(tmp_path: Path) -> None:
    with pytest.raises(M6RecError, match="no column looks like the item's id"):
        roles.of_events(_table(tmp_path, {"user_id": [1], "what": [2]}))


@pytest.mark.parametrize("name", ["weight", "watch_seconds", "watchTime", "play_duration"])
def test_roles_watch_times_are_weights(tmp_path: Path, name: str) -> None:
    found, _ = roles.of_events(_table(tmp_path, {"user": [1], "item": [2], name: [3.5]}))
    assert found["weight"] == name


def test_roles_order_is_no_time(tmp_path: Path) -> None:
    found, _ = roles.of_events(_table(tmp_path, {"user_id": [1], "item_id": [2], "order": [3]}))
    assert found["timestamp_format"] == "order"


def test_roles_small_times_are_an_order_with_a_warning(tmp_path: Path) -> None:
    found, warnings = roles.of_events(
        _table(tmp_path, {"u": [1], "user": [1], "item": [2], "time": [7]})
    )
    assert found["timestamp_format"] == "order"
    assert "too small for times" in warnings[0]


def test_roles_no_time_column_warns_that_the_file_orders(tmp_path: Path) -> None:
    _, warnings = roles.of_events(_table(tmp_path, {"user": [1], "item": [2]}))
    assert "the order of the file is the order of the events" in warnings[0]


def test_roles_day_before_month_is_told_from_the_values(tmp_path: Path) -> None:
    columns = {"user": [1, 1], "item": [1, 2], "date": ["03/04/2020", "25/04/2020"]}
    found, warnings = roles.of_events(_table(tmp_path, columns))
    assert found["timestamp_format"] == "day-first"
    assert not warnings


def test_roles_ambiguous_day_and_month_warn(tmp_path: Path) -> None:
    columns = {"user": [1, 1], "item": [1, 2], "date": ["03/04/2020", "05/04/2020"]}
    found, warnings = roles.of_events(_table(tmp_path, columns))
    assert found["timestamp_format"] == "month-first"
    assert "cannot be told apart" in warnings[0]


def test_roles_customer_zero_on_many_lines_is_unknown(tmp_path: Path) -> None:
    columns = {
        "CustomerID": [0.0, 0.0, 17850.0, 13047.0],
        "StockCode": ["a", "b", "c", "d"],
        "Quantity": [1, 1, 1, 1],
        "Price": [1.0, 2.0, 3.0, 4.0],
    }
    found, warnings = roles.of_events(_table(tmp_path, columns, "e.parquet"))
    assert found["missing_users"] == ("0",)
    assert (found["quantity"], found["price"]) == ("Quantity", "Price")
    assert any("50% of the lines" in w for w in warnings)


def test_roles_user_zero_among_small_numbers_is_a_user(tmp_path: Path) -> None:
    found, _ = roles.of_events(_table(tmp_path, {"user_id": [0, 0, 1, 2], "item_id": [1, 2, 3, 4]}))
    assert "missing_users" not in found


_TITLES = [
    f"A fine {w} for the {v}"
    for w in ("lamp", "chair", "pot")
    for v in ("kitchen", "garden", "hall", "attic")
]


@pytest.mark.parametrize(
    ("name", "cells", "want"),
    [
        ("price", ["1.5", "2", "n/a", "3"], ("numeric", None)),
        ("price", [1.5, 2.0], ("numeric", None)),
        ("year", ["1995"] * 30 + ["unknown"], ("numeric", None)),
        ("price", ["1.5", "2"] * 9 + ["NA"] * 2, ("numeric", None)),
        ("price", ["1.5", "2"] * 9 + ["about 3"] * 2, ("categorical", None)),
        ("country", ["NA", "DE"] * 9, ("categorical", None)),
        ("country", ["NA", "NA"], ("categorical", None)),
        ("released", ["1995-01-01", "1996-02-03"], ("numeric", None)),
        ("zip_code", ["85711", "94043"], ("categorical", None)),
        ("area", ["01234", "94043"], ("categorical", None)),
        ("brand_id", [1, 2, 3], ("categorical", None)),
        ("organic", [True, False], ("categorical", None)),
        ("colour", ["red", "blue", "red", "blue"], ("categorical", None)),
        ("occupation", ["technician", "other", "writer", "none"], ("categorical", None)),
        ("genres", ["Comedy|Drama", "Drama", "Comedy|War", "War"], ("set", "|")),
        ("codes", ["173|1|162", "173|1|171", "328|17|2", "1|2|17"], ("set", "|")),
        ("categories", ["Office, Pens, Blue"] * 4 + ["Office, Paper"] * 4, ("set", ", ")),
        ("tags", ["['a', 'b']", "['b']", "['a']"], ("set", ",")),
        ("tags", [["a", "b"], ["b"]], ("set", None)),
        ("shelves", ["Home > Garden > Tools", "Home > Garden", "Home > Kitchen"], ("set", " > ")),
        ("emb", [[0.1, 0.2]] * 19 + [[0.1]], ("vector", None)),
        ("emb", ["[0.1, 0.2, 0.3]"] * 19 + ["[0.1, 0.2, 0.3, 0.4]"], ("vector", None)),
        ("categories", [[["a", "b"], ["a"]], [["b"]]], ("set", None)),
        ("nested", [[{"a": 1}]], "nested columns are not read"),
        ("title", _TITLES, ("text", None)),
        (
            "overview",
            ["Long words, and more of them, tell what this film would be about, at length"] * 3,
            ("text", None),
        ),
        ("标题", ["红色的椅子很好看", "蓝色的桌子很便宜", "绿色的台灯很明亮"], ("text", None)),
        ("emb", [[0.1, 0.2], [0.3, 0.4]], ("vector", None)),
        ("emb", [[0.1, 0.2], [], [0.3, 0.4]], ("vector", None)),
        ("emb", ["0.1 0.2 0.3", "0.3 -0.4 1e-3"], ("vector", None)),
        ("emb", ["[0.1, 0.2, 0.3]", "[0.3, 0.4, 0.5]"], ("vector", None)),
        ("", ["0", "1"], "has no name"),
        ("Unnamed: 0", ["0", "1"], "has no name"),
        ("nothing", ["", None, "nan"], "no cell holds a value"),
        ("emb", [[0.1, 0.2], [0.3]], "lists of numbers of several lengths"),
        ("nested", [{"a": 1}], "nested columns are not read"),
        (
            "trailer",
            ["a.mp4", "b.MKV"],
            "names videos, and none lies under /nowhere (`--media DIR` says where)",
        ),
        (
            "sample",
            ["a.wav", "b.mp3"],
            "names sounds, and none lies under /nowhere (`--media DIR` says where)",
        ),
        ("clip", [{"bytes": b"x", "path": "a.webm"}], ("video", None)),
        ("jingle", [{"bytes": b"x", "path": "a.flac"}, None], ("audio", None)),
        ("photo", [{"bytes": b"x", "path": None}], ("image", None)),
        (
            "picture",
            ["a.jpg", "b.jpg"],
            "names pictures, and none lies under /nowhere (`--media DIR` says where)",
        ),
    ],
)
def test_kind_follows_from_the_values(name: str, cells: list, want: object) -> None:
    assert kinds.of_column(pl.Series(name, cells), Path("/nowhere")) == want


def test_kind_image_needs_files_that_exist(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "b.PNG")
    assert kinds.of_column(pl.Series("pic", ["a.jpg", "b.PNG", None]), tmp_path) == ("image", None)
    assert kinds.of_column(pl.Series("pic", [b"x", None]), tmp_path) == ("image", None)


def test_infer_items_on_lines_tells_item_columns_from_others(tmp_path: Path) -> None:
    n = 400
    items = [i % 20 for i in range(n)]
    events = _table(
        tmp_path,
        {
            "InvoiceNo": [i // 3 for i in range(n)],
            "StockCode": items,
            "CustomerID": [100 + i % 37 for i in range(n)],
            "Description": [f"A nice thing of type {i}" for i in items],
            "UnitPrice": [1.0 + i for i in items],
            "Country": ["UK" if i % 9 else "France" for i in range(n)],
        },
    )
    schema, left_out, _ = inference.infer(events, None, None, tmp_path, items_on_lines=True)
    assert [(f.name, f.kind) for f in schema.item_features] == [
        ("Description", "text"),
        ("UnitPrice", "numeric"),
    ]
    assert schema.display == "Description"
    assert set(left_out) == {"interactions.InvoiceNo", "interactions.Country"}


def test_infer_item_table_without_an_id_is_named(tmp_path: Path) -> None:
    events = _table(tmp_path, {"user_id": [1], "item_id": [2]})
    items = _table(tmp_path, {"what": ["x"]}, "items.csv")
    with pytest.raises(M6RecError, match="no column looks like the item's id") as error:
        inference.infer(events, items, None, tmp_path)
    assert "call it `item_id`" in str(error.value.hint)


def test_infer_feature_with_a_reserved_name_is_renamed(tmp_path: Path) -> None:
    events = _table(tmp_path, {"user_id": [1], "item_id": [2]})
    items = _table(tmp_path, {"item_id": [2], "popularity": [0.5]}, "items.csv")
    schema, _, _ = inference.infer(events, items, None, tmp_path)
    assert schema.item_features == (FeatureColumn("popularity_", "popularity", "numeric"),)


FULL = Schema(
    user="u",
    item="i",
    timestamp="t",
    timestamp_format="%d.%m.%Y",
    event="e",
    weight="w",
    quantity="q",
    price="p",
    missing_users=("0", "-"),
    item_id="id",
    user_id="uid",
    display='na"me\\',
    item_features=(FeatureColumn("a b", "A", "set", "|"), FeatureColumn("标题", "标题", "text")),
    user_features=(FeatureColumn("age", "age", "numeric"),),
)


@pytest.mark.parametrize("schema", [FULL, Schema(user="u", item="i")])
def test_schema_file_round_trips(tmp_path: Path, schema: Schema) -> None:
    path = tmp_path / "s.toml"
    path.write_text(schema_file.to_toml(schema, {"items.x": "why"}), encoding="utf-8")
    assert schema_file.read(path) == schema


def test_schema_file_short_form_of_a_feature(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(
        '[interactions]\nuser="u"\nitem="i"\n[items.features]\ntitle = "text"\ntags = "set"\n'
    )
    assert schema_file.read(path).item_features == (
        FeatureColumn("title", "title", "text"),
        FeatureColumn("tags", "tags", "set"),
    )


_HEAD = '[interactions]\nuser="u"\nitem="i"\n'


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("x = [", "the schema file is not TOML", None),
        ("[item]\n", "unknown schema key `item`", "did you mean `items`?"),
        (
            '[interactions]\nusr = "u"\n',
            "unknown schema key `interactions.usr`",
            "did you mean `user`?",
        ),
        (
            '[interactions]\nitem = "u"\n',
            "the schema names no `user` column",
            'add `user = "user_id"`',
        ),
        ('items = "x"\n', "`items` is a table", None),
        (_HEAD + 'missing_users = "0"\n', "takes a list of strings", 'for instance ["0"]'),
        (_HEAD + "event = 3\n", "`interactions.event` takes a string, not 3", None),
        (_HEAD + "[items]\nfeatures = 3\n", "`items.features` is a table", None),
        (_HEAD + "[items.features]\na = {}\n", "`items.features.a` has no kind", None),
        (
            _HEAD + '[items.features]\na = "txt"\n',
            "cannot be of the kind `txt`",
            "did you mean `text`?",
        ),
        (
            _HEAD + '[items.features]\na = {kind="text", colum="b"}\n',
            "unknown schema key `items.features.a.colum`",
            "did you mean `column`?",
        ),
        (
            _HEAD + '[items.features]\npopularity = "numeric"\n',
            "has a name that the data directory uses itself",
            None,
        ),
    ],
)
def test_schema_file_fault_is_named(tmp_path: Path, text: str, what: str, hint: str | None) -> None:
    path = tmp_path / "s.toml"
    path.write_text(text)
    with pytest.raises(M6RecError, match=what.replace("[", r"\[")) as error:
        schema_file.read(path)
    assert str(path) in str(error.value.where)
    if hint:
        assert error.value.hint == hint


def test_schema_file_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(M6RecError, match="the schema file does not exist"):
        schema_file.read(tmp_path / "s.toml")


def test_infer_video_is_read_twice_frames_and_sound_track(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    frame = pl.DataFrame({"clip": ["a.mp4"], "clip.sound": ["loud"], "trailer": ["a.mp4"]})
    features, _ = kinds.infer(frame, ["clip", "trailer"], tmp_path)
    assert [(f.name, f.column, f.kind) for f in features] == [
        ("clip", "clip", "video"),
        ("clip.sound_", "clip", "audio"),
        ("trailer", "trailer", "video"),
        ("trailer.sound", "trailer", "audio"),
    ]
