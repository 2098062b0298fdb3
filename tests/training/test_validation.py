"""Validation figures against a plain ranking, the matrix of seen items, errors for NaN scores."""

import dataclasses

import jax
import jax.numpy as jnp
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
from m6rec_cli.model import scoring
from m6rec_cli.stages import pretrain
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from m6rec_cli.training import validation
from m6rec_cli.training.batches import TrainingBatches
from m6rec_cli.training.catalogue_operations import OnMesh, OnOneDevice, operations_for
from m6rec_cli.training.setup import build_model, build_trainer
from m6rec_cli.training.validation import Validation, collect_seen_items
from tests.data_directories import write_data
from tests.devices import use_defaults
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
    use_defaults(monkeypatch, score_floats=tile)
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
    assert 0.1 < data.manifest.repeats < 0.9
    figures = {name: [] for name in got}
    for row, user, target in zip(scores, truth.user_row, truth.item_row, strict=True):
        order = np.argsort(-row, kind="stable")
        seen = history.item_row[history.user_row == user]
        # Many targets are repeats, so the main figures are unmasked, and a masked repeat is a miss.
        for suffix, some in (("_masked", order[~np.isin(order, seen)]), ("", order)):
            ranks = np.flatnonzero(some == target)
            hits = ranks[ranks < 10]
            figures[f"ndcg@10{suffix}"].append((1 / np.log2(hits + 2)).sum())
            figures[f"recall@10{suffix}"].append(len(hits))
    assert got == pytest.approx({name: np.mean(values) for name, values in figures.items()})


class ConstantCatalogue(OnOneDevice):
    """Scores every item the same."""

    def ranks(self, model, items, domains, h, target, seen):
        scores = jnp.zeros((len(target), self.n_items))
        return *scoring.ranks(scores, jnp.asarray(target), jnp.asarray(seen)), scores[:, 0]


@pytest.mark.parametrize("n_items", [5, 101])
def test_validation_of_a_constant_scorer_gives_the_rank_in_the_middle(
    tmp_path, small, monkeypatch, n_items
):
    # The histories hold items 0 and 1: masked ranks are those among the others.
    users = np.repeat(np.arange(3), 4)
    data = write_data(tmp_path / "data", users, [0, 1, 2, 3] * 3, n_items=n_items)
    checker = Validation.from_data(data, small())
    assert checker is not None
    graphdef, state, tables, layout = prepared(data, small())
    monkeypatch.setattr(validation, "operations_for", lambda layout: ConstantCatalogue(n_items))
    got = checker.evaluate(graphdef, state, tables, layout)
    middle = (n_items - 1) / 2
    assert got["ndcg@10_unmasked"] == pytest.approx((middle < 10) / np.log2(middle + 2))
    unseen = (n_items - 3) / 2
    assert got["ndcg@10"] == pytest.approx((unseen < 10) / np.log2(unseen + 2))


def test_validation_asks_for_all_targets_of_a_user(tmp_path, small):
    users, items = [0, 0, 0, 0, 1, 1, 1], [0, 1, 2, 2, 3, 0, 3]
    data = write_data(tmp_path / "data", users, items, n_items=5, split=[0, 1, 1, 1, 0, 1, 1])
    checker = Validation.from_data(data, small())
    assert checker is not None
    assert checker.target_query.tolist() == [0, 0, 1, 1]
    assert checker.target.tolist() == [1, 2, 0, 3]
    assert checker.is_repeat.tolist() == [False, False, False, True]
    ideal = 1 + 1 / np.log2(3)
    got = checker._figures(np.array([0, 11.5, 1, np.inf]))
    assert got["recall@10"] == pytest.approx(0.5)
    assert got["ndcg@10"] == pytest.approx((1 + 1 / np.log2(3)) / ideal / 2)


def test_rolling_validation_asks_for_each_event_after_the_earlier_ones(tmp_path, small):
    users, items = [0, 0, 0, 0, 1, 1, 1], [0, 1, 2, 2, 3, 0, 3]
    data = write_data(tmp_path / "data", users, items, n_items=5, split=[0, 1, 1, 1, 0, 1, 1])
    checker = Validation.from_data(data, small("train.valid_protocol=rolling"))
    assert checker is not None
    assert checker.target_query.tolist() == [0, 1, 2, 3, 4]
    assert checker.target.tolist() == [1, 2, 2, 0, 3]
    assert checker.is_repeat.tolist() == [False, False, True, False, True]
    assert (checker.queries.stop - checker.queries.start).tolist() == [1, 2, 3, 1, 2]
    seen = [row[row >= 0].tolist() for row in checker.seen_items[np.arange(5)]]
    assert seen == [[0], [0, 1], [0, 1, 2], [3], [0, 3]]
    # A mean over users, whose figure is the mean over their queries.
    got = checker._figures(np.array([0, np.inf, np.inf, 0, np.inf]))
    assert got["recall@10"] == pytest.approx((1 / 3 + 1 / 2) / 2)


def test_rolling_validation_of_many_events_takes_some_evenly(tmp_path, small):
    users = np.zeros(40, int)
    data = write_data(tmp_path / "data", users, np.arange(40), split=[0] * 10 + [1] * 30)
    checker = Validation.from_data(
        data, small("train.valid_protocol=rolling", "train.valid_users=4")
    )
    assert checker is not None
    assert checker.target.tolist() == [10, 19, 29, 39]
    assert (checker.queries.stop - checker.queries.start).tolist() == [10, 19, 29, 39]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_seen_items_are_the_distinct_items_of_each_user(seed):
    rng = np.random.default_rng(seed)
    n_users = int(rng.integers(1, 6))
    offsets = np.append(0, np.cumsum(rng.integers(0, 9, n_users)))
    item_row = rng.integers(0, 6, offsets[-1]).astype(np.int32)
    own = rng.integers(-1, 6, n_users)
    seen = collect_seen_items(item_row, offsets[:-1], offsets[1:], own)
    users = rng.integers(0, n_users, 4)
    matrix = seen[users]
    want = [
        sorted({*item_row[offsets[u] : offsets[u + 1]].tolist(), int(own[u])} - {-1}) for u in users
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
    seen = collect_seen_items(item_row, stops - sizes, stops, nobody)
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
