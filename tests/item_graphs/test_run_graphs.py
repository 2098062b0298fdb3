"""A tuned run takes its parent's graphs over where they are of the same data, and makes them anew elsewhere."""

import json
from pathlib import Path

import numpy as np
import pytest

from m6rec_cli.data.store import Dataset
from m6rec_cli.item_graphs import cooccurrence, run_graphs
from m6rec_cli.system.progress import SilentReporter
from tests.worlds import mixed


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return mixed(tmp_path / "data")


def written(folder: Path, data: Dataset, parent: Path | None) -> np.ndarray:
    """The neighbours that are written, dense."""
    folder.mkdir(parents=True)
    specs = tuple(s for s in data.specs if s.entity == "item")
    run_graphs.write(folder, data, specs, parent, SilentReporter())
    assert sorted(p.name for p in folder.iterdir()) == [
        "alike.npz",
        "content.npz",
        "neighbours.npz",
    ]
    return cooccurrence.load(folder / "neighbours.npz").toarray()


def finished(folder: Path, data: Dataset, fingerprint: str) -> Path:
    """A run whose neighbours cannot be taken for those that its data give: it has none."""
    written(folder / "catalogue", data, None)
    cooccurrence.save(folder / "catalogue" / "neighbours.npz", cooccurrence.empty(data.n_items))
    (folder / "run.json").write_text(json.dumps({"data_fingerprint": fingerprint}))
    return folder


def test_write_takes_over_those_of_a_parent_of_the_same_data(tmp_path: Path, data: Dataset) -> None:
    parent = finished(tmp_path / "parent", data, data.manifest["fingerprint"])
    assert not written(tmp_path / "run", data, parent).any()


def test_write_makes_them_anew_for_other_data(tmp_path: Path, data: Dataset) -> None:
    parent = finished(tmp_path / "parent", data, "another")
    assert written(tmp_path / "run", data, parent).any()


@pytest.mark.parametrize("name", ["alike.npz", "content.npz", "neighbours.npz"])
def test_write_makes_them_anew_where_the_parents_are_damaged(
    tmp_path: Path, data: Dataset, name: str
) -> None:
    parent = finished(tmp_path / "parent", data, data.manifest["fingerprint"])
    file = parent / "catalogue" / name
    file.write_bytes(file.read_bytes()[:-20])
    assert written(tmp_path / "run", data, parent).any()
