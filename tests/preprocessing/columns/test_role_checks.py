"""Id columns that are mostly empty or hold lists, and lines that hold lists of events."""

from pathlib import Path

import pytest

from m6rec_cli.preprocessing import tables
from m6rec_cli.preprocessing.columns.roles import MissingRole, infer_roles
from m6rec_cli.preprocessing.schema import SchemaHints
from m6rec_cli.preprocessing.tables import Table
from m6rec_cli.system.errors import M6RecError


def _table(path: Path, text: str) -> Table:
    path.write_text(text)
    return tables.scan(path, "interactions")


_SESSIONS = "visit_no,customer_id,sku\n" + "".join(
    f"{n // 4},{'' if n % 5 else n},s{n % 7}\n" for n in range(40)
)


def test_infer_roles_with_mostly_unknown_users_names_the_likely_column(tmp_path: Path) -> None:
    with pytest.raises(M6RecError, match="is empty on 80% of the lines") as error:
        infer_roles(_table(tmp_path / "e.csv", _SESSIONS))
    assert "likely: `visit_no`" in str(error.value.hint)


def test_infer_roles_takes_mostly_unknown_users_that_are_named(tmp_path: Path) -> None:
    hints = SchemaHints().with_roles({"user": "customer_id"}, "--columns")
    assert infer_roles(_table(tmp_path / "e.csv", _SESSIONS), hints)[0].user == "customer_id"


@pytest.mark.parametrize("separator", [" ", "|"])
def test_infer_roles_with_lists_of_items_raises_an_error(tmp_path: Path, separator: str) -> None:
    lists = (separator.join(f"A{(n + k) % 9}-{k % 2}" for k in range(3)) for n in range(30))
    text = "user,item\n" + "".join(f"u{n},{cell}\n" for n, cell in enumerate(lists))
    with pytest.raises(M6RecError, match="hold several items each"):
        infer_roles(_table(tmp_path / "e.csv", text))


def test_infer_roles_takes_items_with_words_and_numbers(tmp_path: Path) -> None:
    text = "user,item\n" + "".join(f"u{n},Lamp{n} M{n % 40}\n" for n in range(40))
    assert infer_roles(_table(tmp_path / "e.csv", text))[0].item == "item"


def test_infer_roles_of_lines_with_lists_of_events_names_the_conversion(tmp_path: Path) -> None:
    text = '{"visit": 3, "actions": [{"sku": 5, "at": 9}, {"sku": 6, "at": 10}]}\n'
    with pytest.raises(MissingRole) as error:
        infer_roles(_table(tmp_path / "e.jsonl", text))
    assert "jq -c '{visit} + .actions[]' FILE" in str(error.value.hint)
