"""Features that are counted over the whole log, held-out events included."""

from pathlib import Path

import pytest

from m6rec_cli.preprocessing.columns import inference
from tests.preprocessing.columns.table_files import table_of

COUNTS = [1 + (i * 7) % 23 for i in range(40)]
"""The number of events of each of forty items."""


def warnings_of(folder: Path, columns: dict[str, list[object]]) -> list[str]:
    items = [item for item, count in enumerate(COUNTS) for _ in range(count)]
    events = table_of(folder, {"user_id": [i % 9 for i in range(len(items))], "item_id": items})
    table = table_of(folder, {"item_id": list(range(40)), **columns}, "items.csv")
    return inference.infer_schema(events, table, None, folder, no_time=True).warnings


@pytest.mark.parametrize("factor", [1, 3])
def test_infer_schema_warns_of_a_number_that_follows_the_events(
    tmp_path: Path, factor: int
) -> None:
    columns = {"heat": [count * factor + 2 for count in COUNTS], "weight_kg": list(range(40))}
    (warning,) = warnings_of(tmp_path, columns)
    assert "`heat` of the item table may be counted over the whole log" in warning
    assert '`"heat" = false`' in warning
    assert "weight_kg" not in warning


@pytest.mark.parametrize("name", ["num_ratings", "salesRank", "average_rating", "also_bought"])
def test_infer_schema_warns_of_usual_names_of_counts(tmp_path: Path, name: str) -> None:
    (warning,) = warnings_of(tmp_path, {name: [i * 3 % 7 for i in range(40)]})
    assert f"`{name}`" in warning


def test_infer_schema_of_other_numbers_does_not_warn(tmp_path: Path) -> None:
    assert warnings_of(tmp_path, {"price": [i * 13 % 17 + 0.5 for i in range(40)]}) == []
