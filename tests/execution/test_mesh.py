"""Four forced devices give the results of one, and no item table is ever gathered."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from jax.sharding import AxisType, Mesh, PartitionSpec

from m6rec_cli.data.store import Dataset
from m6rec_cli.execution import model_inputs
from m6rec_cli.execution.layout import ITEM_TABLE, Layout, item_tables
from m6rec_cli.execution.mesh import MeshLayout, layout_of
from m6rec_cli.system.checkpoints import StepCheckpoints, flatten_by_name
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.training.batches import TrainingBatches
from m6rec_cli.training.checkpointing import restore, state_arrays
from m6rec_cli.training.setup import build_model, build_trainer
from tests.data_directories import Column, write_data
from tests.execution.on_devices import LOOK_SIZE, N_ITEMS, STEPS, largest_gathered, settings
from tests.made_once import made_once
from tests.small import FAST

SHAPES = ("1x1", "4x1", "2x2")


def environment(devices: int) -> dict[str, str]:
    clean = {
        k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COV", "XLA_FLAGS"))
    }
    return clean | {"XLA_FLAGS": f"{FAST} --xla_force_host_platform_device_count={devices}"}


def train(folder: Path) -> None:
    """Train on data of more items than a step encodes, in a number that does not divide evenly."""
    rng = np.random.default_rng(0)
    write_data(
        folder / "data",
        np.repeat(np.arange(150), 10),
        rng.integers(0, N_ITEMS, 1500),
        n_items=N_ITEMS,
        item_features={
            "price": Column("numeric", rng.standard_normal(N_ITEMS)),
            "brand": Column(
                "categorical", rng.integers(0, 5, N_ITEMS), rng.random(N_ITEMS) < 0.8, size=5
            ),
            "look": Column(
                "vector",
                rng.standard_normal((N_ITEMS, LOOK_SIZE)).astype(np.float32),
                size=LOOK_SIZE,
            ),
        },
    )
    command = [sys.executable, "-m", "tests.execution.on_devices", str(folder), *SHAPES]
    root = Path(__file__).parent.parent.parent
    out = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env=environment(4), cwd=root
    ).stdout
    (folder / "results.json").write_text(out)


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Dataset:
    return Dataset.open(made_once("devices", tmp_path_factory, train) / "data")


@pytest.fixture(scope="module")
def results(world: Dataset) -> dict[str, Any]:
    return json.loads((world.path.parent / "results.json").read_text())


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES[1:])
def test_mesh_gives_the_losses_and_parameters_of_one_device(world, results, shape):
    assert results["devices"] == 4
    np.testing.assert_allclose(results[shape]["losses"], results["1x1"]["losses"], rtol=1e-5)
    for name, value in results["1x1"]["metrics"].items():
        assert results[shape]["metrics"][name] == pytest.approx(value, abs=0.02), name
    folder = world.path.parent
    for tree in ("params", "optimizer", "content"):
        one, many = (StepCheckpoints(folder / s).read_tree(STEPS, tree) for s in ("1x1", shape))
        assert one.keys() == many.keys()
        for name, array in one.items():
            assert array.shape == many[name].shape, name
            np.testing.assert_allclose(many[name], array, atol=2e-4, err_msg=f"{tree} {name}")


@pytest.mark.slow
def test_mesh_model_axis_divides_item_tables_and_gathers_none(results):
    names = {"encoder.ids", "feature price", "feature brand", "feature look"}
    assert results["2x2"]["shards"] == dict.fromkeys(names, (N_ITEMS + 1) // 2)
    assert results["4x1"]["shards"] == dict.fromkeys(names, N_ITEMS)
    width = 16
    assert max(results["2x2"]["gathered"]) < N_ITEMS * width
    # With one device on the `model` axis each device holds whole tables; embedding gathers them.
    step, *validation = results["4x1"]["gathered"]
    assert max(step, *validation[1:]) < N_ITEMS * width
    # No program has an array of a whole table: the step, nor those of validation.
    assert all(n > 0 for n in results["1x1"]["whole"])
    assert results["2x2"]["whole"] == [0, 0, 0, 0]


@pytest.mark.slow
def test_mesh_checkpoint_restores_on_one_device(world, results):
    config = settings("1x1")
    size = model_inputs.model_spec(world, config.model)
    feed = TrainingBatches.from_data(world, config, labelled_only=False, has_content=True)
    layout = layout_of(config.train, N_ITEMS)
    _, fresh = build_trainer(
        build_model(size, config), config, feed, model_inputs.feature_tables(world, size), layout
    )
    steps = StepCheckpoints(world.path.parent / "2x2")
    state, progress = restore(steps, STEPS, fresh)
    assert progress.epoch == 1
    assert state.params["encoder"]["ids"].shape[0] == N_ITEMS
    saved = steps.read_tree(STEPS, "optimizer")
    for name, array in state_arrays(state)["optimizer"].items():
        np.testing.assert_array_equal(array, saved[name], err_msg=name)


@pytest.mark.slow
def test_mesh_best_parameters_kept_in_memory_equal_those_written_at_once(world, results):
    kept = StepCheckpoints(world.path.parent / "2x2-kept")
    best, last = (kept.read_tree(step, "params") for step in (STEPS, STEPS + 1))
    assert best.keys() == last.keys()
    for name in best:
        np.testing.assert_array_equal(best[name], last[name], err_msg=name)


def test_largest_gathered_reads_the_largest_all_gather_of_a_program():
    hlo = """
      %a = f32[8,16]{1,0} all-gather(f32[4,16]{1,0} %x), dimensions={0}
      %b = (f32[2,3]{1,0}, f32[4,3]{1,0}) all-reduce(f32[999,999]{1,0} %y, f32[4,3]{1,0} %z)
      %c = f32[5]{0} add(f32[5]{0} %p, f32[5]{0} %all-gather.3)
    """
    assert largest_gathered(hlo) == 8 * 16
    assert largest_gathered("%a = f32[4]{0} add(f32[4]{0} %p, f32[4]{0} %q)") == 0


@pytest.mark.parametrize("sets", [["train.data_parallel=3"], ["train.model_parallel=2"]])
def test_layout_of_that_does_not_divide_the_devices_is_refused(small, sets):
    with pytest.raises(M6RecError, match=r"does not divide the 1 cpu device\n"):
        layout_of(small(*sets).train, 10)


def test_layout_of_one_device_returns_every_argument_as_it_is(small):
    layout = layout_of(small().train, 10)
    assert type(layout) is Layout
    assert str(layout) == "1 device"
    assert (layout.n_devices, layout.n_padding, layout.round_up(7)) == (1, 0, 7)
    assert layout.real_rows({"params": {"encoder.ids": True}}) == {}
    for place in (
        layout.place,
        layout.place_key,
        layout.place_users,
        layout.constrain_item_table,
    ):
        thing = object()
        assert place(thing) is thing


class Table(nnx.Module):
    """A table with a row for each item, and a layer whose name says so wrongly."""

    def __init__(self):
        self.rows = nnx.Param(jnp.ones((5, 2)), item_table=True)
        self.ids = nnx.Param(jnp.ones((5, 2)))


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Inputs:
    features: Any = dataclasses.field(metadata=ITEM_TABLE)
    content: Any


def marks(tree):
    return flatten_by_name(item_tables(tree))


def test_item_tables_are_known_by_metadata_and_not_by_name():
    features = {
        "price": (np.ones(5), np.ones(5, bool)),
        "none": np.ones((0, 2)),
        "one": np.ones(()),
    }
    assert marks({"inputs": Inputs(features, np.ones((5, 2)))}) == {
        "inputs.features.price.0": True,
        "inputs.features.price.1": True,
        "inputs.features.none": False,
        "inputs.features.one": False,
        "inputs.content": False,
    }


def test_item_tables_survive_split_merge_gradients_and_optimiser_states():
    graphdef, params = nnx.split(Table())
    want = {"rows": True, "ids": False}
    assert marks(params) == want
    assert marks(nnx.split(nnx.merge(graphdef, params))[1]) == want
    assert marks(jax.jit(lambda p: jax.tree.map(lambda x: x + 1, p))(params)) == want
    assert marks(jax.grad(lambda p: nnx.merge(graphdef, p).rows[...].sum())(params)) == want
    found = marks(jax.jit(optax.chain(optax.clip(1.0), optax.adam(1.0)).init)(params))
    assert {name for name, is_table in found.items() if is_table} == {"1.0.mu.rows", "1.0.nu.rows"}


def test_mesh_layout_divides_item_tables_alone():
    mesh = Mesh(
        np.array(jax.devices()[:1]).reshape(1, 1),
        ("data", "model"),
        axis_types=(AxisType.Auto,) * 2,
    )
    _, params = nnx.split(Table())
    specs = flatten_by_name(MeshLayout(5, mesh).specs(params))
    assert specs == {"rows": PartitionSpec("model"), "ids": PartitionSpec()}
