"""Id columns of tables without a header line, and candidates for ids."""

from pathlib import Path

from m6rec_cli.preprocessing import tables
from m6rec_cli.preprocessing.columns.inference import infer_schema
from m6rec_cli.preprocessing.columns.missing_roles import entity_id_candidates
from m6rec_cli.preprocessing.schema import SchemaHints
from m6rec_cli.preprocessing.tables import Table


def _table(path: Path, text: str) -> Table:
    path.write_text(text)
    return tables.scan(path, "items", no_header=True)


def test_infer_schema_of_numbered_columns_finds_ids_by_values(tmp_path: Path) -> None:
    events = _table(tmp_path / "e.csv", "7,103,5\n8,101,3\n9,102,4\n")
    items = _table(tmp_path / "i.csv", "5,cup,101\n6,mug,102\n3,pan,103\n")
    roles = {"user": "1", "item": "2"}
    found = infer_schema(
        events, items, None, tmp_path, hints=SchemaHints().with_roles(roles, "--columns")
    )
    assert found.schema.item_id == "3"


def test_entity_id_candidates_begin_with_the_column_of_most_ids(tmp_path: Path) -> None:
    events = _table(tmp_path / "e.csv", "".join(f"{u},{u % 7}\n" for u in range(1, 30)))
    users = _table(tmp_path / "u.csv", "".join(f"{u % 3 + 1},{u}.0,x\n" for u in range(1, 40)))
    assert entity_id_candidates(users, events, "1") == ["2", "1"]
