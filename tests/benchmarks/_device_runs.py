"""Made data and training programs of chosen sizes, timed on the device that JAX finds."""

import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from m6rec_cli.config import resolve as configuration
from m6rec_cli.data.store import Dataset
from m6rec_cli.execution import model_inputs
from m6rec_cli.execution.layout import Layout
from m6rec_cli.model.fusion import gather_rows
from m6rec_cli.model.layers import Keys
from m6rec_cli.system import runtime
from m6rec_cli.training import flops, softmax
from m6rec_cli.training.batches import TrainingBatches
from m6rec_cli.training.catalogue_operations import operations_for
from m6rec_cli.training.resource_meter import peak_device_bytes
from m6rec_cli.training.setup import build_model, build_trainer
from m6rec_cli.training.state import Batch
from tests.data_directories import Column, write_data

TOKENS, LOOK = 8, 64


def made_data(
    path: Path, *, n_users: int, length: int, n_items: int, has_content: bool = True
) -> Dataset:
    """Users who walk through the catalogue in steps of one, with jumps; Zipf-like popularity."""
    rng = np.random.default_rng(0)
    start = (n_items ** rng.random((n_users, 1))).astype(np.int64)
    jumps = np.where(rng.random((n_users, length)) < 0.2, rng.integers(0, 50, (1, length)), 1)
    split = np.zeros((n_users, length), np.int64)
    split[:, -2:] = 1, 2
    features = {
        "price": Column("numeric", rng.standard_normal(n_items)),
        "brand": Column("categorical", rng.integers(0, 50, n_items), size=50),
        "title": Column("text", rng.integers(0, 2000, (n_items, TOKENS)).tolist(), size=2000),
        "look": Column("vector", rng.standard_normal((n_items, LOOK)), size=LOOK),
    }
    return write_data(
        path,
        np.repeat(np.arange(n_users), length),
        ((start + jumps.cumsum(axis=1)) % n_items).ravel(),
        n_users=n_users,
        n_items=n_items,
        split=split.ravel(),
        item_features=features if has_content else None,
    )


@dataclass(frozen=True)
class Timing:
    """What a training program needs."""

    compile_seconds: float
    step_seconds: float
    targets_per_step: float
    step_flops: float
    softmax_tile: int

    def row(self) -> dict[str, Any]:
        """The figures as a row of the table."""
        rate, peak = self.step_flops / self.step_seconds, flops.peak_flops([kind()])
        return {
            "compile_seconds": self.compile_seconds,
            "step_milliseconds": 1000 * self.step_seconds,
            "events_per_second": self.targets_per_step / self.step_seconds,
            "step_gflop": self.step_flops / 1e9,
            "gflop_per_second": rate / 1e9,
            "mfu": None if peak is None else rate / peak,
            "batch": self.targets_per_step,
            "softmax_tile": self.softmax_tile,
            "peak_bytes_so_far": peak_device_bytes(),
        }


class Training:
    """Pre-training of some data with some settings, as the training loop does it."""

    def __init__(self, data: Dataset, *sets: str) -> None:
        self.config = configuration.resolve("pretrain", sets=list(sets))
        spec = model_inputs.model_spec(data, self.config.model)
        model = build_model(spec, self.config)
        self.tables = model_inputs.feature_tables(data, spec)
        self.batches = TrainingBatches.from_data(
            data, self.config, labelled_only=False, has_content=bool(spec.item_specs)
        )
        self.trainer, state = build_trainer(
            model, self.config, self.batches, self.tables, Layout(data.n_items)
        )
        self.state = jax.tree.map(jnp.array, state)
        self.key = runtime.random_key(self.config.train.seed)

    def stacks(self) -> Iterator[tuple[Batch, int]]:
        """Stacks of batches, epoch after epoch, and how many batches of each count."""
        for epoch in itertools.count():
            yield from self.batches.epoch_batches(epoch)

    def losses(self, n_steps: int) -> list[float]:
        """The mean loss of each dispatch over `n_steps` steps."""
        step, found = self.trainer.compile_dispatch(self.state), []
        for stack, n in self.stacks():
            rates = self.trainer.schedule.rates(int(self.state.step), len(stack.target))
            n = min(n, n_steps - int(self.state.step))
            args = (stack, rates, np.int32(n), self.tables, self.key)
            self.state, sums = step(self.state, *args)
            found.append(float(sums["loss"]) / n)
            if int(self.state.step) >= n_steps:
                return found
        raise AssertionError("the epochs never end")

    def timed(self, n_dispatches: int) -> Timing:
        """The median step of some dispatches whose batches are on the device before."""
        size = self.config.train.steps_per_dispatch
        full = (stack for stack, n in self.stacks() if n == size)
        stacks = [jax.device_put(stack) for stack in itertools.islice(full, n_dispatches + 1)]
        rates = np.full(size, self.config.train.learning_rate, np.float32)
        rest = (rates, np.int32(size), self.tables, self.key)
        traced = self.trainer.compile_dispatch(self.state).trace(self.state, stacks[0], *rest)
        started = time.perf_counter()
        compiled = traced.lower().compile()
        compile_seconds = time.perf_counter() - started
        seconds, targets = [], []
        for stack in stacks:
            started = time.perf_counter()
            self.state, sums = compiled(self.state, stack, *rest)
            targets.append(float(jax.block_until_ready(sums)["targets"]) / size)
            seconds.append((time.perf_counter() - started) / size)
        typical, n_items = self.trainer.typical_targets, self.trainer.layout.n_items
        tiles = operations_for(self.trainer.layout).n_tiles(typical)
        return Timing(
            compile_seconds,
            statistics.median(seconds[1:]),
            statistics.median(targets[1:]),
            flops.count_per_step(traced, tiles),
            softmax.tile_rows(typical, n_items),
        )

    def parts(self, repeats: int) -> dict[str, float]:
        """Milliseconds of the parts of a step with their gradients, each jitted by itself."""
        trainer, state, tables, key = self.trainer, self.state, self.tables, self.key
        stack, _ = next(self.stacks())
        batch: Batch = jax.device_put(jax.tree.map(lambda x: x[0], stack))

        def model_of(params: nnx.State) -> Any:
            return nnx.merge(trainer.graphdef, params, state.frozen, state.discriminator)

        def items_of(params: nnx.State) -> jax.Array:
            return trainer._items(model_of(params), state, batch, tables, Keys(key))[0]

        def decoder(params: nnx.State, items: jax.Array) -> jax.Array:
            profiles = gather_rows(tables.users, batch.tokens.user.reshape(-1))
            h, _ = model_of(params).contexts(items, batch.tokens, profiles, Keys(key))
            return h

        def loss(h: jax.Array, items: jax.Array) -> jax.Array:
            rows = (batch.target.reshape(-1), batch.weight.reshape(-1))
            flat = h.reshape(-1, h.shape[-1])
            return trainer._rec_loss(flat, items, *rows, state, batch, tables)[0]

        def update(grads: nnx.State, params: nnx.State, optimizer: Any) -> Any:
            return trainer.optimizer.update(grads, optimizer, params)

        def learned(f: Callable[..., jax.Array], n: int) -> Callable[..., Any]:
            return jax.jit(jax.value_and_grad(lambda *x: f(*x).sum(), argnums=tuple(range(n))))

        items = jax.jit(items_of)(state.params)
        h = jax.jit(decoder)(state.params, items)
        rate = np.float32(1e-3)
        whole = jax.jit(trainer.update)
        return {
            "embed": milliseconds(learned(items_of, 1), state.params, repeats=repeats),
            "decoder": milliseconds(learned(decoder, 2), state.params, items, repeats=repeats),
            "softmax": milliseconds(learned(loss, 2), h, items, repeats=repeats),
            "optimizer": milliseconds(
                jax.jit(update), state.params, state.params, state.optimizer, repeats=repeats
            ),
            "whole step": milliseconds(whole, state, batch, rate, tables, key, repeats=repeats),
        }


def milliseconds(function: Callable[..., Any], *args: Any, repeats: int) -> float:
    """The median time of a call whose result is ready; the first call compiles."""
    jax.block_until_ready(function(*args))
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        jax.block_until_ready(function(*args))
        seconds.append(time.perf_counter() - started)
    return 1000 * statistics.median(seconds)


def kind() -> str:
    """The device, such as `NVIDIA H200`."""
    return jax.local_devices()[0].device_kind
