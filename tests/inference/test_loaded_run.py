"""Runs that were moved still answer; runs that were damaged are refused by the file's name."""

import json
import shutil

import numpy as np
import polars as pl
import pytest

from m6rec_cli.inference.loaded_run import load
from m6rec_cli.item_graphs import cooccurrence
from m6rec_cli.system.errors import M6RecError
from tests.inference.trained import shop

__all__ = ["shop"]


@pytest.fixture
def copy(shop, tmp_path):
    """A copy of the run that may be damaged."""
    return shutil.copytree(shop.run, tmp_path / "moved")


def test_load_a_moved_run_is_the_run(shop, copy):
    moved, run = load(copy), shop.loaded
    np.testing.assert_array_equal(moved.embeddings, run.embeddings)
    assert moved.items.equals(run.items)
    assert moved.event_kinds == run.event_kinds
    assert moved.has_time


@pytest.mark.parametrize(
    "name",
    [f"catalogue/{n}" for n in ("items.parquet", "embeddings.npy", "neighbours.npz", "alike.npz")],
)
def test_load_missing_or_truncated_catalogue_is_named(copy, name):
    path = copy / name
    content = path.read_bytes()
    for kept in (0, 20, len(content) - 8):
        path.write_bytes(content[:kept])
        with pytest.raises(M6RecError, match="a file of the run is damaged") as caught:
            load(copy)
        assert f"where: {path}" in str(caught.value)
    path.unlink()
    with pytest.raises(M6RecError, match="a file of the run is missing") as caught:
        load(copy)
    assert f"where: {path}" in str(caught.value)


def test_load_embeddings_of_another_run(copy):
    path = copy / "catalogue" / "embeddings.npy"
    np.save(path, np.zeros((3, 16), np.float32))
    with pytest.raises(M6RecError, match=r"its shape is \(3, 16\), not \(40, 16\)"):
        load(copy)


def test_content_damaged_is_named(copy):
    path = copy / "catalogue" / "content.npz"
    cooccurrence.save(path, cooccurrence.empty(3))
    with pytest.raises(
        M6RecError, match="a file of the run is damaged: it has 3 terms, not "
    ) as caught:
        load(copy).content()
    assert f"where: {path}" in str(caught.value)


@pytest.mark.parametrize("name", ["neighbours", "alike"])
def test_load_graph_of_another_run(copy, name):
    path = copy / "catalogue" / f"{name}.npz"
    cooccurrence.save(path, cooccurrence.empty(3))
    with pytest.raises(M6RecError, match=r"its shape is \(3, 3\), not \(40, 40\)"):
        load(copy)


def test_load_catalogue_of_another_run(copy):
    path = copy / "catalogue" / "items.parquet"
    pl.read_parquet(path).head(7).write_parquet(path)
    with pytest.raises(
        M6RecError, match=r"the checkpoint is another model's: `encoder.ids` has shape"
    ):
        load(copy)


def test_load_checkpoint_file_truncated_is_named(copy):
    step = json.loads((copy / "run.json").read_text())["best"]["step"]
    path = max(
        (p for p in (copy / "steps" / str(step)).rglob("*") if p.is_file()),
        key=lambda p: p.stat().st_size,
    )
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(M6RecError, match="a file of the checkpoint is damaged") as caught:
        load(copy)
    assert f"where: {path}" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("config.toml", "a file of the run is missing"),
        ("features/features.json", "the feature state is missing"),
        ("run.json", "the run has not finished"),
    ],
)
def test_load_without_a_part_of_the_run(copy, name, match):
    (copy / name).unlink()
    with pytest.raises(M6RecError, match=match):
        load(copy)
