"""Item tables with several lines per item."""

from pathlib import Path

import pytest

from m6rec_cli.preprocessing import entity_tables, tables
from m6rec_cli.preprocessing.columns.inference import infer_schema
from m6rec_cli.preprocessing.schema import Schema, SchemaHints
from m6rec_cli.preprocessing.tables import Table

TAGS = {f"i{n}": [f"tag{k}" for k in range(6) if (n >> k % 4) & 1 or k == n % 6] for n in range(24)}


@pytest.fixture
def items(tmp_path: Path) -> Table:
    """One line for each tag of an item; its colour is constant, its price differs."""
    rows = [
        f"{item},{tag},{'red' if number % 2 else 'blue'},{number + 10 * line}.5"
        for number, (item, tags) in enumerate(TAGS.items())
        for line, tag in enumerate(tags)
    ]
    (tmp_path / "items.csv").write_text("item_id,tag,colour,price\n" + "\n".join(rows) + "\n")
    return tables.scan(tmp_path / "items.csv", "items")


def inferred(
    folder: Path, items: Table, hints: SchemaHints | None = None
) -> tuple[Schema, list[str]]:
    (folder / "e.csv").write_text("user_id,item_id,timestamp\na,i1,1600000000\na,i2,1600000001\n")
    events = tables.scan(folder / "e.csv", "interactions")
    found = infer_schema(events, items, None, folder, hints=hints)
    return found.schema, found.warnings


def test_categories_that_differ_between_the_lines_of_an_item_become_sets(
    tmp_path: Path, items: Table
) -> None:
    schema, warnings = inferred(tmp_path, items)
    kinds = {f.name: f.kind for f in schema.item_features}
    assert kinds == {"tag": "set", "colour": "categorical", "price": "numeric"}
    said = next(warning for warning in warnings if "lines for 24 values of `item_id`" in warning)
    assert "`tag` become sets of all values" in said
    assert "of `price` only the first line counts" in said
    assert "colour" not in said
    assert "; first: `i1` has the `tag` `tag0`, `tag1`" in said
    frame = entity_tables.read_entity_table(items, schema, "item")
    assert dict(zip(frame["id"], frame["tag"].to_list(), strict=True)) == TAGS
    assert frame["price"].to_list()[:3] == ["0.5", "1.5", "2.5"]


def test_a_kind_that_the_user_gives_stays(tmp_path: Path, items: Table) -> None:
    schema, _ = inferred(tmp_path, items)
    tag = next(f for f in schema.item_features if f.name == "tag")
    hints = SchemaHints(item_features={"tag": type(tag)("tag", "tag", "categorical")})
    schema, warnings = inferred(tmp_path, items, hints)
    assert {f.name: f.kind for f in schema.item_features}["tag"] == "categorical"
    assert any("of `tag`, `price` only the first line counts" in warning for warning in warnings)


def test_lines_that_agree_are_said_to(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,colour\n" + "i1,red\ni2,blue\n" * 4)
    table = tables.scan(tmp_path / "items.csv", "items")
    schema, warnings = inferred(tmp_path, table)
    assert any("the lines agree in all columns that are read" in warning for warning in warnings)
    assert entity_tables.read_entity_table(table, schema, "item")["id"].to_list() == ["i1", "i2"]


def test_a_few_repeated_lines_leave_the_kinds_as_they_are(tmp_path: Path) -> None:
    lines = "".join(f"i{n},{('red', 'blue')[n % 2]}\n" for n in range(50))
    (tmp_path / "items.csv").write_text(f"item_id,colour\n{lines}i0,blue\n")
    schema, warnings = inferred(tmp_path, tables.scan(tmp_path / "items.csv", "items"))
    assert [f.kind for f in schema.item_features] == ["categorical"]
    assert any("of `colour` only the first line counts" in warning for warning in warnings)


def test_times_that_differ_between_the_lines_of_an_item_are_left_out(tmp_path: Path) -> None:
    rows = [f"i{n},tag{k},2024-0{k + 1}-1{n % 9}" for n in range(20) for k in range(3)]
    (tmp_path / "t.csv").write_text("item_id,tag,changed\n" + "\n".join(rows) + "\n")
    items = tables.scan(tmp_path / "t.csv", "items")
    schema, warnings = inferred(tmp_path, items)
    assert [f.name for f in schema.item_features] == ["tag"]
    assert any("`changed` are left out as times of the lines" in warning for warning in warnings)
