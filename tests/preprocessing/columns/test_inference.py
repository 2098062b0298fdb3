"""Schemas inferred from tables."""

from pathlib import Path

import pytest

from m6rec_cli.preprocessing import schema_file
from m6rec_cli.preprocessing.columns import inference
from m6rec_cli.preprocessing.schema import FeatureColumn, SchemaHints
from m6rec_cli.system.errors import M6RecError
from tests.preprocessing.columns.table_files import table_of


def test_infer_schema_items_from_interactions_takes_columns_that_depend_on_the_item(
    tmp_path: Path,
) -> None:
    n = 400
    items = [i % 20 for i in range(n)]
    events = table_of(
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
    found = inference.infer_schema(events, None, None, tmp_path, items_from_interactions=True)
    schema, skipped = found.schema, found.skipped
    assert [(f.name, f.kind) for f in schema.item_features] == [
        ("Description", "text"),
        ("UnitPrice", "numeric"),
    ]
    assert schema.display == "Description"
    assert set(skipped) == {"interactions.InvoiceNo", "interactions.Country"}


def test_infer_schema_item_table_without_an_id_raises(tmp_path: Path) -> None:
    events = table_of(tmp_path, {"user_id": [1], "item_id": [2]})
    items = table_of(tmp_path, {"what": ["x"]}, "items.csv")
    with pytest.raises(M6RecError, match="no column looks like the item's id") as error:
        inference.infer_schema(events, items, None, tmp_path)
    assert "call it `item_id`" in str(error.value.hint)


def test_infer_schema_feature_with_a_reserved_name_is_renamed(tmp_path: Path) -> None:
    events = table_of(tmp_path, {"user_id": [1], "item_id": [2]})
    items = table_of(tmp_path, {"item_id": [2], "popularity": [0.5]}, "items.csv")
    schema = inference.infer_schema(events, items, None, tmp_path).schema
    assert schema.item_features == (FeatureColumn("popularity_", "popularity", "numeric"),)


def test_infer_schema_hints_add_and_false_leaves_out(tmp_path: Path) -> None:
    events = table_of(
        tmp_path,
        {"wer": [1, 1, 2], "was": [5, 6, 5], "date": ["2024-01-01", "2024-01-02", "2024-01-03"]},
    )
    items = table_of(
        tmp_path, {"was": [5, 6], "price": [1.5, 2.5], "year": [1999, 2003]}, "items.csv"
    )
    (tmp_path / "s.toml").write_text(
        '[interactions]\nuser = "wer"\nitem = "was"\n[items.features]\nyear = "categorical"\n'
    )
    hints = schema_file.read_hints(tmp_path / "s.toml")
    found = inference.infer_schema(events, items, None, tmp_path, hints=hints).schema
    assert (found.user, found.item, found.timestamp, found.item_id) == ("wer", "was", "date", "was")
    kinds_by_name = {f.name: f.kind for f in found.item_features}
    assert kinds_by_name == {"year": "categorical", "price": "numeric"}
    (tmp_path / "s.toml").write_text(
        '[interactions]\nuser = "wer"\nitem = "was"\ntimestamp = false\n'
        "[items.features]\nprice = false\n"
    )
    hints = schema_file.read_hints(tmp_path / "s.toml")
    result = inference.infer_schema(events, items, None, tmp_path, hints=hints)
    assert result.schema.timestamp is None
    assert [f.name for f in result.schema.item_features] == ["year"]
    assert result.skipped["items.price"] == "the schema says so"
    assert "interactions.date" in result.skipped


def test_infer_schema_hint_of_a_missing_column_names_the_nearest(tmp_path: Path) -> None:
    events = table_of(tmp_path, {"wer": [1], "was": [5]})
    hints = SchemaHints(roles={"user": "wer", "item": "wass"}, source="--columns")
    with pytest.raises(M6RecError, match="no column `wass`, which is named as the item") as error:
        inference.infer_schema(events, None, None, tmp_path, hints=hints)
    assert "did you mean `was`" in str(error.value.hint)
    assert "--columns" in str(error.value.where)
