"""A moved run loads; a damaged run is an error that names the file."""

import json
import shutil

import numpy as np
import polars as pl
import pytest

from m6rec_cli.inference.loaded_run import load
from m6rec_cli.item_graphs import cooccurrence
from m6rec_cli.system.errors import M6RecError
from tests.inference.trained import shop
from tests.seals import reseal

__all__ = ["shop"]


@pytest.fixture
def copy(shop, tmp_path):
    """A copy of the run that tests may damage."""
    return shutil.copytree(shop.run, tmp_path / "moved")


def change_config(run):
    path = run / "config.toml"
    path.write_text(path.read_text().replace("max_history = 200", "max_history = 9"))
    reseal(run)


def test_load_of_a_moved_run_gives_the_same_run(shop, copy):
    moved, run = load(copy), shop.loaded
    np.testing.assert_array_equal(moved.catalogue.embeddings, run.catalogue.embeddings)
    assert moved.catalogue.items.equals(run.catalogue.items)
    assert moved.event_kinds == run.event_kinds
    assert moved.has_time


def test_load_digest_follows_configuration_and_parameters(shop, copy):
    same = load(copy).digest
    assert same == shop.loaded.digest
    change_config(copy)
    assert load(copy).digest != same


def test_load_of_a_run_that_is_replaced_meanwhile_reads_the_new_run(copy, monkeypatch):
    load_graph = cooccurrence.load_graph

    def replace_run(path):
        monkeypatch.undo()
        change_config(copy)
        return load_graph(path)

    monkeypatch.setattr(cooccurrence, "load_graph", replace_run)
    assert load(copy).config.model.max_history == 9


@pytest.mark.parametrize(
    "name",
    [
        f"catalogue/{n}"
        for n in (
            "items.parquet",
            "embeddings.npy",
            "cooccurrence.npz",
            "transitions.npz",
            "content_similarity.npz",
            "words.npz",
            "vectors.npz",
            "ranking.json",
        )
    ],
)
def test_load_names_a_missing_or_truncated_catalogue_file(copy, name):
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


def test_load_embeddings_of_another_run_are_an_error(copy):
    path = copy / "catalogue" / "embeddings.npy"
    np.save(path, np.zeros((3, 16), np.float32))
    reseal(copy)
    with pytest.raises(M6RecError, match=r"its shape is \(3, 16\), not \(40, 16\)"):
        load(copy)


def test_content_counts_damaged_are_named(copy):
    path = copy / "catalogue" / "term_counts.npz"
    cooccurrence.save_graph(path, cooccurrence.empty_graph(3))
    reseal(copy)
    with pytest.raises(
        M6RecError, match="a file of the run is damaged: it has 3 terms, not "
    ) as caught:
        load(copy).catalogue.content_counts()
    assert f"where: {path}" in str(caught.value)


@pytest.mark.parametrize("name", ["cooccurrence", "content_similarity", "words", "vectors"])
def test_load_graph_of_another_run_is_an_error(copy, name):
    path = copy / "catalogue" / f"{name}.npz"
    cooccurrence.save_graph(path, cooccurrence.empty_graph(3))
    reseal(copy)
    with pytest.raises(M6RecError, match=r"its shape is \(3, 3\), not \(40, 40\)"):
        load(copy)


def test_load_items_of_another_run_are_an_error(copy):
    path = copy / "catalogue" / "items.parquet"
    pl.read_parquet(path).head(7).write_parquet(path)
    reseal(copy)
    with pytest.raises(
        M6RecError, match=r"the checkpoint belongs to another model: `encoder.ids` has shape"
    ):
        load(copy)


def test_load_names_a_truncated_checkpoint_file(copy):
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
        ("features/features.json", "a file of the run is missing"),
        ("run.json", "the run has not finished"),
    ],
)
def test_load_without_a_part_of_the_run_is_an_error(copy, name, match):
    (copy / name).unlink()
    with pytest.raises(M6RecError, match=match):
        load(copy)
