"""Schema files: round trips, and errors."""

from pathlib import Path

import pytest

from m6rec_cli.preprocessing import schema_file, schema_toml
from m6rec_cli.preprocessing.schema import FeatureColumn, Schema
from m6rec_cli.system.errors import M6RecError

FULL = Schema(
    user="u",
    item="i",
    timestamp="t",
    timestamp_format="%d.%m.%Y",
    order=("n", "pos"),
    event="e",
    weight="w",
    quantity="q",
    price="p",
    missing_users=("0", "-"),
    item_id="id",
    user_id="uid",
    display='na"me\\',
    item_features=(
        FeatureColumn("a b", "A", "set", separator="|"),
        FeatureColumn("标题", "标题", "text"),
    ),
    user_features=(FeatureColumn("age", "age", "numeric"),),
)


@pytest.mark.parametrize("schema", [FULL, Schema(user="u", item="i")])
def test_read_restores_what_to_toml_writes(tmp_path: Path, schema: Schema) -> None:
    path = tmp_path / "s.toml"
    path.write_text(schema_toml.to_toml(schema, {"items.x": "why"}), encoding="utf-8")
    assert schema_file.read(path) == schema


def test_read_feature_may_be_just_its_kind(tmp_path: Path) -> None:
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
        (
            _HEAD + 'missing_users = "0"\n',
            "takes a list of strings",
            'for instance missing_users = ["0"]',
        ),
        (
            _HEAD + "order = [1]\n",
            "order` takes a list of strings",
            'for instance order = ["position"]',
        ),
        (_HEAD + "event = 3\n", "`interactions.event` takes a string, not 3", None),
        (_HEAD + "[items]\nfeatures = 3\n", "`items.features` is a table", None),
        (_HEAD + "[items.features]\na = {}\n", "`items.features.a` has no kind", None),
        (
            _HEAD + '[items.features]\na = "txt"\n',
            "has the unknown kind `txt`",
            "did you mean `text`?",
        ),
        (
            _HEAD + '[items.features]\na = {kind="text", colum="b"}\n',
            "unknown schema key `items.features.a.colum`",
            "did you mean `column`?",
        ),
        (
            _HEAD + '[items.features]\npopularity = "numeric"\n',
            "has a reserved name",
            None,
        ),
    ],
)
def test_read_invalid_file_raises(tmp_path: Path, text: str, what: str, hint: str | None) -> None:
    path = tmp_path / "s.toml"
    path.write_text(text)
    with pytest.raises(M6RecError, match=what.replace("[", r"\[")) as error:
        schema_file.read(path)
    assert str(path) in str(error.value.where)
    if hint:
        assert error.value.hint == hint


def test_read_missing_file_raises(tmp_path: Path) -> None:
    with pytest.raises(M6RecError, match="the schema file does not exist"):
        schema_file.read(tmp_path / "s.toml")
