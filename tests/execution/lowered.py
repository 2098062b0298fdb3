"""Lowers every program of training and inference for CUDA and TPU on a CPU; prints findings.

Usage: python -m tests.execution.lowered DATA; in an environment with four forced host devices. The
defaults are those of the accelerator, so that the programs are those that it would run.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.stages import Traced

from m6rec_cli.config import resolve as configuration
from m6rec_cli.data.store import Dataset
from m6rec_cli.execution import model_inputs, user_contexts
from m6rec_cli.execution.mesh import layout_of
from m6rec_cli.inference import blocked_top_k, scores
from m6rec_cli.inference.ranking_terms import ItemTerms, UserTerms
from m6rec_cli.system import device_defaults, runtime
from m6rec_cli.training.batches import TrainingBatches
from m6rec_cli.training.catalogue_operations import operations_for
from m6rec_cli.training.setup import build_model, build_trainer
from m6rec_cli.training.validation import Validation
from tests.execution.stablehlo import findings
from tests.small import SMALL

N_ITEMS, USERS = 20_011, 8
"""More items than a block of a ranking has, in a number that divides nothing."""
ALL_PARTS = 'train.trainable=["encoder", "decoder", "generator"]'
CACHED = ("model.encoder.refresh_rows=64",)
LOSSES = ("train.loss.reconstruction=0.1", "train.loss.contrast=0.1", "train.loss.truncate=0.1")
STEPS = {
    "pretrain": ("pretrain", "1x1", ()),
    "pretrain, cached content": ("pretrain", "1x1", CACHED),
    "pretrain, all losses": ("pretrain", "1x1", (*CACHED, *LOSSES)),
    "pretrain, sampled softmax": ("pretrain", "1x1", (*CACHED, "train.softmax=sampled")),
    "pretrain, bf16": ("pretrain", "1x1", (*CACHED, "train.precision=bf16")),
    "pretrain, mesh": ("pretrain", "2x2", CACHED),
    "pretrain, gru": ("pretrain", "1x1", (*CACHED, "model.decoder.kind=gru")),
    "pretrain, lstm": ("pretrain", "1x1", (*CACHED, "model.decoder.kind=lstm")),
    "pretrain, lru": ("pretrain", "1x1", (*CACHED, "model.decoder.kind=lru")),
    "finetune": ("finetune", "1x1", ()),
    "finetune, adversary": ("finetune", "1x1", (*CACHED, "train.alpha=0.5", ALL_PARTS)),
    "finetune, adversary, mesh": ("finetune", "2x2", (*CACHED, "train.alpha=0.5", ALL_PARTS)),
}


class World:
    """Data, model and layout of one configuration."""

    def __init__(self, data: Dataset, stage: str, shape: str, *sets: str) -> None:
        rows, tables = shape.split("x")
        mesh = (f"train.data_parallel={rows}", f"train.model_parallel={tables}")
        config = configuration.resolve(stage, sets=[*SMALL, *mesh, *sets])
        spec = model_inputs.model_spec(data, config.model)
        self.data, self.config, self.model = data, config, build_model(spec, config)
        self.layout = layout_of(config.train, data.n_items)
        feed = TrainingBatches.from_data(
            data, config, labelled_only=stage == "finetune", has_content=True
        )
        tables = model_inputs.feature_tables(data, spec)
        self.trainer, state = build_trainer(self.model, config, feed, tables, self.layout)
        self.state, self.tables = self.layout.place(state), self.layout.place(tables)
        self.stack = self.layout.place_batches(next(feed.epoch_batches(0))[0])

    def step(self) -> Traced:
        rates = np.full(self.config.train.steps_per_dispatch, 1e-3, np.float32)
        key = self.layout.place_key(runtime.random_key(0))
        args = (self.state, self.stack, rates, np.int32(2), self.tables, key)
        return self.trainer.compile_dispatch(self.state).trace(*args)

    def validation(self) -> Iterator[tuple[str, Traced]]:
        """Item embeddings, user contexts, ranks."""
        held_out = Validation.from_data(self.data, self.config)
        assert held_out is not None
        state, catalogue = self.state, operations_for(self.layout)
        model = nnx.merge(self.trainer.graphdef, state.params, state.frozen, state.discriminator)
        yield "embed", type(catalogue).embed.trace(catalogue, model, self.tables)
        width = self.config.model.width
        items = jnp.zeros((N_ITEMS + self.layout.n_padding, width))
        tokens = model_inputs.packed_tokens(held_out.packed.take(np.arange(4)))
        last = (held_out.row[:USERS] % 4, held_out.position[:USERS])
        contexts = user_contexts.compiled_final_contexts
        yield "contexts", contexts.trace(model, items, tokens, self.tables.users, *last)
        users = (np.zeros((USERS, width), np.float32), held_out.target[:USERS])
        users = map(self.layout.place_users, (*users, held_out.seen_items[:USERS]))
        yield (
            "ranks",
            type(catalogue).ranks.trace(catalogue, model, items, self.tables.domains, *users),
        )

    def lists(self) -> Iterator[tuple[str, Traced]]:
        """Incremental states, scores and best items of `recommend`."""
        width, n = self.config.model.width, USERS
        h, items = jnp.zeros((n, width)), jnp.zeros((N_ITEMS, width))
        terms = ItemTerms(items, jnp.zeros(N_ITEMS), jnp.zeros(N_ITEMS))
        linked = jnp.zeros((n, 4), jnp.int32), jnp.zeros((n, 4)), jnp.ones((n, 4), bool)
        users = UserTerms(jnp.ones(n), jnp.ones(n), *linked)
        tokens = jax.tree.map(lambda x: x[0, :1].repeat(n, 0), self.stack.tokens)
        states = np.zeros((n, self.model.decoder.state_size), np.float32)
        yield (
            "advance",
            user_contexts.compiled_advance.trace(
                self.model, items, tokens, self.tables.users, states, np.zeros(n, np.int32)
            ),
        )
        noise = {"noise_draws": 3, "discriminator_weight": 0.5}
        keys = scores.user_keys(0, map(str, range(n)))
        yield (
            "log_probabilities",
            scores.log_probabilities.trace(self.model, h, terms, users, keys, **noise),
        )
        hidden = np.zeros(16, np.int32), np.zeros(16, np.int32), np.ones(N_ITEMS, bool)
        best = blocked_top_k.best_of_catalogue
        yield "best_of_catalogue", best.trace(h, terms, users, *hidden, k=10)
        yield "best_items", scores.best_items.trace(jnp.zeros((n, N_ITEMS)), *hidden, k=10)


def programs(data: Dataset) -> Iterator[tuple[str, Traced, World]]:
    """Every program by its name."""
    for name, (stage, shape, sets) in STEPS.items():
        world = World(data, stage, shape, *sets)
        yield name, world.step(), world
        if name in ("pretrain", "pretrain, mesh"):
            for part, traced in world.validation():
                yield f"{part}{name.removeprefix('pretrain')}", traced, world
        if name == "pretrain":
            for part, traced in world.lists():
                yield part, traced, world


def main() -> None:
    data = Dataset.open(Path(sys.argv[1]))
    gpu = device_defaults.of("gpu", "some GPU", 64 << 30)
    device_defaults.current = lambda: gpu
    report: dict[str, Any] = {}
    for name, traced, world in programs(data):
        report[name] = {"state": len(jax.tree.leaves(world.state))}
        rows = (N_ITEMS, N_ITEMS + 1, (N_ITEMS + 1) // 2)
        for platform in ("cuda", "tpu"):
            lowered = traced.lower(lowering_platforms=(platform,))
            report[name][platform] = findings(lowered, rows, world.config.model.width)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
