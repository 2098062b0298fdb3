"""Trains a few steps on each of some layouts, on forced host devices; prints results as JSON.

Usage: python -m tests.execution.on_devices FOLDER DATAxMODEL...; checkpoints go to FOLDER.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import nnx

from m6rec_cli.config import resolve as configuration
from m6rec_cli.config.settings import Config
from m6rec_cli.data.store import Dataset
from m6rec_cli.execution import model_inputs, user_contexts
from m6rec_cli.execution.layout import Layout
from m6rec_cli.execution.mesh import layout_of
from m6rec_cli.system import runtime
from m6rec_cli.system.checkpoints import StepCheckpoints, flatten_by_name
from m6rec_cli.training.batches import TrainingBatches
from m6rec_cli.training.catalogue_operations import operations_for
from m6rec_cli.training.checkpointing import CheckpointWriter
from m6rec_cli.training.loop import LoopState, TrainingEvent
from m6rec_cli.training.setup import build_model, build_trainer
from m6rec_cli.training.state import TrainingState
from m6rec_cli.training.validation import Validation
from tests.small import SMALL

N_ITEMS, ROWS, STEPS = 203, 3, 4
"""Numbers of items and rows that do not divide evenly over the devices."""
LOOK_SIZE = 24
"""Components of the vector feature."""


def settings(shape: str, *sets: str) -> Config:
    data, model = shape.split("x")
    return configuration.resolve(
        "pretrain",
        sets=[
            *SMALL,
            f"train.data_parallel={data}",
            f"train.model_parallel={model}",
            f"train.batch_targets={64 * ROWS}",
            "model.encoder.refresh_rows=64",
            *sets,
        ],
    )


def steps_on(data: Dataset, shape: str, out: Path) -> dict[str, Any]:
    """Losses and validation metrics after `STEPS` steps, and facts of the compiled programs.

    For each program: the numbers in the largest gathered array, and how many arrays have the size
    of a whole item table.
    """
    config = settings(shape)
    size = model_inputs.model_spec(data, config.model)
    model, tables = build_model(size, config), model_inputs.feature_tables(data, size)
    feed = TrainingBatches.from_data(data, config, labelled_only=False, has_content=True)
    assert feed.encodes_some_items
    assert feed.rows_per_batch == ROWS
    layout = layout_of(config.train, data.n_items)
    trainer, state = build_trainer(model, config, feed, tables, layout)
    state, tables, key = (
        layout.place(state),
        layout.place(tables),
        layout.place_key(runtime.random_key(0)),
    )
    stacks = [layout.place_batches(batches) for batches, _ in feed.epoch_batches(0)][: STEPS // 2]
    rates = np.full(config.train.steps_per_dispatch, config.train.learning_rate, np.float32)
    step = (
        trainer.compile_dispatch(state)
        .lower(state, stacks[0], rates, np.int32(2), tables, key)
        .compile()
    )
    losses = []
    for stack in stacks:
        state, sums = step(state, stack, rates, np.int32(2), tables, key)
        losses.append(float(sums["loss"]))
    validation = Validation.from_data(data, config)
    assert validation is not None
    metrics = validation.evaluate(trainer.graphdef, state, tables, layout)
    folder = out / shape
    CheckpointWriter(StepCheckpoints(folder), layout, 0).save_if_due(
        epoch_event(STEPS, state, LoopState(epoch=1)), now=True
    )
    keeping = CheckpointWriter(StepCheckpoints(out / f"{shape}-kept"), layout, 1000)
    for step_done in (STEPS, STEPS + 1):
        keeping.save_if_due(
            epoch_event(step_done, state, LoopState(epoch=1, best_step=STEPS)),
            now=step_done > STEPS,
        )
    shards = {
        name: x.sharding.shard_shape(x.shape)[0]
        for name, x in flatten_by_name(state.params).items()
        if "ids" in name
    }
    hlo = step.as_text()
    shards |= {
        f"feature {name}": values.sharding.shard_shape(values.shape)[0]
        for name, (values, _) in tables.items.items()
    }
    programs = [hlo, *validation_programs(trainer.graphdef, state, tables, layout, validation)]
    whole = re.compile(rf"\w+\[{N_ITEMS + layout.n_padding},({config.model.width}|{LOOK_SIZE})\]")
    return {
        "losses": losses,
        "metrics": metrics,
        "gathered": list(map(largest_gathered, programs)),
        "whole": [len(whole.findall(program)) for program in programs],
        "shards": shards,
    }


def epoch_event(step: int, state: TrainingState, loop_state: LoopState) -> TrainingEvent:
    """The end of an epoch at `step`."""
    return TrainingEvent(
        kind="epoch", step=step, n_steps=STEPS, metrics={}, state=state, loop_state=loop_state
    )


def validation_programs(
    graphdef: Any, state: Any, tables: Any, layout: Layout, validation: Validation
) -> list[str]:
    """The compiled programs of validation: item embeddings, contexts, ranks."""
    model = nnx.merge(graphdef, state.params, state.frozen, state.discriminator)
    catalogue = operations_for(layout)
    embed, ranks = type(catalogue).embed, type(catalogue).ranks
    items = catalogue.embed(model, tables)
    histories = (
        model_inputs.packed_tokens(validation.packed),
        {},
        validation.row,
        validation.position,
    )
    h, _ = user_contexts.compiled_final_contexts(model, items, *histories)
    users = (
        layout.place_users(x[:8])
        for x in (runtime.fetch_array(h), validation.target, validation.seen_items)
    )
    lowered = (
        embed.lower(catalogue, model, tables),
        user_contexts.compiled_final_contexts.lower(model, items, *histories),
        ranks.lower(catalogue, model, items, tables.domains, *users),
    )
    return [program.compile().as_text() for program in lowered]


def largest_gathered(hlo: str) -> int:
    """Numbers in the largest output of an all-gather in a compiled program."""
    shapes = re.findall(r"= \(?\w+\[([\d,]*)\][^=]*? all-gather(?:-start)?\(", hlo)
    return max((int(np.prod([int(n) for n in s.split(",") if n])) for s in shapes), default=0)


if __name__ == "__main__":
    out = Path(sys.argv[1])
    runtime.configure_jax()
    data = Dataset.open(out / "data")
    print(
        json.dumps(
            {"devices": len(jax.devices()), **{s: steps_on(data, s, out) for s in sys.argv[2:]}}
        )
    )
