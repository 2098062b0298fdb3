"""Columns whose names look like file names, like others, or like names of our own."""

import csv
from pathlib import Path

import numpy as np
import pytest

from tests.stages.shop import preprocessed, write_shop

TWINS = ["v a", "v/a", "v.a", "V A", "../v a", "v~a"]


def with_columns(items: Path, names: list[str]) -> None:
    """Add vector columns to the item table; no two columns have the same vectors."""
    with items.open(newline="") as file:
        rows = [row[:6] for row in csv.reader(file)]
    cells = [
        [f"{k * (n + 1) % 7}.5 1.0 {k}.25" for n in range(len(names))] for k in range(len(rows) - 1)
    ]
    with items.open("w", newline="") as file:
        added = [names, *cells]
        csv.writer(file).writerows([*row, *more] for row, more in zip(rows, added, strict=True))


def test_vector_columns_with_similar_names_have_files_of_their_own(tmp_path: Path):
    tables = write_shop(tmp_path / "shop")
    with_columns(tables["items"], TWINS)
    data, _ = preprocessed(tmp_path / "data", tables)
    specs = {spec.name: spec for spec in data.specs if spec.kind == "vector"}
    assert sorted(specs) == sorted(TWINS)
    stored = {data.feature(specs[name]).values.tobytes() for name in TWINS}
    assert len(stored) == len(TWINS), "no file took the place of another"
    files = [name for name in data.files.names("media") if not name.endswith("mask.npy")]
    assert len({file.lower() for file in files}) == len(files) == len(TWINS) + 1


@pytest.mark.parametrize("name", ["__id", "__row", "row", "id", "popularity", "mask", "n", ""])
def test_item_column_with_any_name_is_read(tmp_path: Path, name: str):
    tables = write_shop(tmp_path / "shop")
    text = tables["items"].read_text()
    tables["items"].write_text(text.replace("price", name, 1))
    data, _ = preprocessed(tmp_path / "data", tables)
    assert data.items["id"].to_list()[:2] == ["i0", "i1"]
    assert np.array_equal(data.items["row"].to_numpy(), np.arange(15))
