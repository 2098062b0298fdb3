"""Validation figures against a plain ranking, the matrix of seen items, errors for NaN scores."""

import dataclasses

import jax
import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.sharding import AxisType, Mesh

from m6rec_cli.execution import model_inputs
from m6rec_cli.execution.layout import Layout
from m6rec_cli.execution.mesh import DATA, MODEL, MeshLayout
from m6rec_cli.execution.user_contexts import user_contexts
from m6rec_cli.stages import pretrain
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from m6rec_cli.training import validation
from m6rec_cli.training.batches import TrainingBatches
from m6rec_cli.training.catalogue_operations import OnMesh, OnOneDevice, operations_for
from m6rec_cli.training.setup import build_model, build_trainer
from m6rec_cli.training.validation import Validation, collect_seen_items
from tests.data_directories import write_data
from tests.worlds import planted_cycle


def prepared(data, config, meshed=False):
    """The arguments of `evaluate` before training; `meshed` uses a mesh of one device."""
    spec = model_inputs.model_spec(data, config.model)
    tables = model_inputs.feature_tables(data, spec)
    batches = TrainingBatches.from_data(data, config, labelled_only=False, has_content=True)
    trainer, state = build_trainer(
        build_model(spec, config), config, batches, tables, Layout(data.n_items)
    )
    mesh = Mesh(
        np.array(jax.devices()[:1]).reshape(1, 1), (DATA, MODEL), axis_types=(AxisType.Auto,) * 2
    )
    layout = MeshLayout(data.n_items, mesh) if meshed else Layout(data.n_items)
    return trainer.graphdef, layout.place(state), layout.place(tables), layout


def with_nan(state, *path):
    """The state with NaN in a parameter, or in one row of it if `path` ends in a row."""
    params = jax.tree.map(np.array, state.params)
    node = params
    for name in path:
        node, last = node[name], node
    last[path[-1]][...] = np.nan
    return dataclasses.replace(state, params=params)


@pytest.mark.parametrize("meshed", [False, True])
@pytest.mark.parametrize("tile", [16_000_000, 100])
def test_evaluate_equals_a_plain_ranking_in_any_tiles(tmp_path, small, monkeypatch, meshed, tile):
    monkeypatch.setattr(validation, "MAX_TILE_LOGITS", tile)
    rng = np.random.default_rng(0)
    lengths = rng.integers(3, 25, 30)
    data = write_data(
        tmp_path / "data", np.repeat(np.arange(30), lengths), rng.integers(0, 40, lengths.sum())
    )
    checker = Validation.from_data(data, small())
    assert checker is not None
    graphdef, state, tables, layout = prepared(data, small(), meshed)
    got = checker.evaluate(graphdef, state, tables, layout)

    model = nnx.merge(graphdef, state.params, state.frozen, state.discriminator)
    items = operations_for(layout).embed(model, tables)
    h, _ = user_contexts(model, items, checker.packed, checker.row, checker.position, tables.users)
    scores = np.asarray(model.candidates(jax.device_put(h), None)) @ np.asarray(items).T
    truth, history = data.truth("valid"), data.history("valid")
    users, first = np.unique(truth.user_row, return_index=True)
    figures = {name: [] for name in got}
    for row, user, target in zip(scores, users, truth.item_row[first], strict=True):
        order = np.argsort(-row, kind="stable")
        seen = np.setdiff1d(history.item_row[history.user_row == user], target)
        for suffix, some in (("", order[~np.isin(order, seen)]), ("_unmasked", order)):
            (rank,) = np.flatnonzero(some == target)
            figures[f"ndcg@10{suffix}"].append((rank < 10) / np.log2(rank + 2))
            figures[f"recall@10{suffix}"].append(rank < 10)
    assert got == pytest.approx({name: np.mean(values) for name, values in figures.items()})


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_seen_items_are_the_distinct_items_of_each_user(seed):
    rng = np.random.default_rng(seed)
    n_users = int(rng.integers(1, 6))
    offsets = np.append(0, np.cumsum(rng.integers(0, 9, n_users)))
    item_row = rng.integers(0, 6, offsets[-1]).astype(np.int32)
    target, own = rng.integers(0, 6, n_users), rng.integers(-1, 6, n_users)
    seen = collect_seen_items(item_row, offsets[:-1], offsets[1:], target, own)
    users = rng.integers(0, n_users, 4)
    matrix = seen[users]
    want = [
        sorted(
            {*item_row[offsets[u] : offsets[u + 1]].tolist(), int(own[u])} - {-1, int(target[u])}
        )
        for u in users
    ]
    assert [[item for item in row if item >= 0] for row in matrix.tolist()] == want
    most = max(1, *map(len, want))
    assert matrix.dtype == np.int32
    assert most <= matrix.shape[1] < 2 * most
    assert matrix.shape[1].bit_count() == 1


def test_seen_items_of_one_long_history_do_not_widen_those_of_other_users():
    """50,000 items of one user, three of each of 20,000: a dense matrix would take 4 GB."""
    sizes = np.full(20_000, 3)
    sizes[7] = 50_000
    stops = np.cumsum(sizes)
    item_row = np.arange(stops[-1], dtype=np.int32) - np.repeat(stops - sizes, sizes).astype(
        np.int32
    )
    nobody = np.full(len(sizes), -1)
    seen = collect_seen_items(item_row, stops - sizes, stops, nobody, nobody)
    assert seen.item.nbytes + seen.offsets.nbytes < 12 * (stops[-1] + len(sizes))
    assert seen[np.arange(8, 20_000)].shape == (19_992, 4)
    assert seen[np.arange(6, 8)].shape == (2, 65_536)


@pytest.fixture
def rare(tmp_path):
    """Item 5 is the target of user 0; it is in the history of user 3 alone, who has no target."""
    rows = [0, 1, 5, 2], [1, 2, 3, 4], [2, 3, 4, 0], [5, 5]
    users = np.repeat(np.arange(4), list(map(len, rows)))
    return write_data(tmp_path / "data", users, np.concatenate(rows))


@pytest.mark.parametrize("meshed", [False, True])
def test_evaluate_with_nonfinite_contexts_is_an_error(rare, small, monkeypatch, meshed):
    """It is raised before any ranking."""
    checker = Validation.from_data(rare, small())
    assert checker is not None
    graphdef, state, tables, layout = prepared(rare, small(), meshed)
    checker.evaluate(graphdef, state, tables, layout)
    for operations in (OnOneDevice, OnMesh):
        monkeypatch.setattr(operations, "ranks", None)
    with pytest.raises(M6RecError, match="scores are not finite after step 0") as caught:
        checker.evaluate(graphdef, with_nan(state, "encoder", "start"), tables, layout)
    assert "train.learning_rate" in str(caught.value.hint)


@pytest.mark.parametrize("meshed", [False, True])
def test_evaluate_with_nonfinite_scores_of_targets_is_an_error(rare, small, meshed):
    """The contexts are finite: no evaluated user has the item in their history."""
    checker = Validation.from_data(rare, small())
    assert checker is not None
    graphdef, state, tables, layout = prepared(rare, small(), meshed)
    state = with_nan(state, "encoder", "ids", 5)
    model = nnx.merge(graphdef, state.params, state.frozen, state.discriminator)
    items = operations_for(layout).embed(model, tables)
    h, _ = user_contexts(model, items, checker.packed, checker.row, checker.position, tables.users)
    assert np.isfinite(h).all()
    with pytest.raises(M6RecError, match="scores are not finite"):
        checker.evaluate(graphdef, state, tables, layout)


def test_pretrain_with_nonfinite_parameters_after_the_last_step_is_an_error(tmp_path, small):
    """The first rate is 0, and the second loss is computed before its update: both are finite."""
    data = planted_cycle(tmp_path / "data", n_users=16)
    config = small("train.max_steps=2", "train.learning_rate=1e38")
    with pytest.raises(M6RecError, match="scores are not finite after step 2"):
        pretrain.run(config, data.path, tmp_path / "run", SilentReporter())
