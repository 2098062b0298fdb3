"""A fine-tuned run copies the graphs of its parent if both have the same data."""

from pathlib import Path

import numpy as np
import pytest

from m6rec_cli.data.store import Dataset
from m6rec_cli.item_graphs import cooccurrence, run_graphs
from m6rec_cli.system.progress import SilentReporter
from m6rec_cli.system.run_manifest import write_run
from tests.manifests import run_manifest
from tests.worlds import mixed


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return mixed(tmp_path / "data")


def written(folder: Path, data: Dataset, parent: Path | None) -> np.ndarray:
    """The co-occurrence graph that is written, dense."""
    folder.mkdir(parents=True)
    specs = tuple(s for s in data.specs if s.entity == "item")
    run_graphs.write_graphs(folder, data, specs, parent, SilentReporter())
    assert sorted(p.name for p in folder.iterdir()) == [
        "content_similarity.npz",
        "cooccurrence.npz",
        "term_counts.npz",
        "transitions.npz",
        "vectors.npz",
        "words.npz",
    ]
    return cooccurrence.load_graph(folder / "cooccurrence.npz").toarray()


def finished(folder: Path, data: Dataset, fingerprints: tuple[str, ...]) -> Path:
    """A run with an empty co-occurrence graph, which tells a copy from a new graph."""
    written(folder / "catalogue", data, None)
    cooccurrence.save_graph(
        folder / "catalogue" / "cooccurrence.npz", cooccurrence.empty_graph(data.n_items)
    )
    write_run(folder, run_manifest(data_fingerprints=fingerprints))
    return folder


def test_write_graphs_with_a_parent_of_the_same_data_copies_them(
    tmp_path: Path, data: Dataset
) -> None:
    parent = finished(tmp_path / "parent", data, data.manifest.fingerprints)
    assert not written(tmp_path / "run", data, parent).any()


def test_write_graphs_with_a_parent_of_other_data_fits_new_ones(
    tmp_path: Path, data: Dataset
) -> None:
    parent = finished(tmp_path / "parent", data, ("another",))
    assert written(tmp_path / "run", data, parent).any()


@pytest.mark.parametrize("name", ["content_similarity.npz", "cooccurrence.npz", "words.npz"])
def test_write_graphs_with_a_damaged_parent_fits_new_ones(
    tmp_path: Path, data: Dataset, name: str
) -> None:
    parent = finished(tmp_path / "parent", data, data.manifest.fingerprints)
    file = parent / "catalogue" / name
    file.write_bytes(file.read_bytes()[:-20])
    assert written(tmp_path / "run", data, parent).any()
