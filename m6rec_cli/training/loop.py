"""The one training loop: a generator of reports; the caller saves, shows and decides nothing else.

Pre-training and fine-tuning differ in what they feed and in which parts learn, not in the loop.
"""

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from flax import nnx

from m6rec_cli.config.settings import Config
from m6rec_cli.execution.mesh import Layout
from m6rec_cli.execution.model_inputs import Tables
from m6rec_cli.model.recommender import M6Rec
from m6rec_cli.model.scoring import encode_content
from m6rec_cli.system import process_group, runtime, signals
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.training import flops, optimizer
from m6rec_cli.training.batches import TrainingBatches
from m6rec_cli.training.precision import with_precision
from m6rec_cli.training.sharded_softmax import typical_tiles
from m6rec_cli.training.state import TrainingState
from m6rec_cli.training.step import PARTS, Trainer
from m6rec_cli.training.validation import Validation


@dataclass
class LoopState:
    """The loop's own state, saved with every checkpoint that training can go on from.

    Attributes:
        epoch: Epochs completed.
        position: Steps done of the next epoch (0 unless a signal stopped the run within one).
        best: Best validation NDCG@10 so far, -1 before the first; `best_step` and `best_epoch` say where.
        waited: Epochs since the best one.
        sums: Measurements of the epoch under way, for its report.
        done: Whether training has ended.
    """

    epoch: int = 0
    epoch_step: int = 0
    best_ndcg: float = -1.0
    best_step: int = 0
    best_epoch: int = 0
    epochs_without_gain: int = 0
    metric_sums: dict[str, float] = field(default_factory=dict)
    done: bool = False


@dataclass(frozen=True)
class TrainingEvent:
    """What the loop tells after each dispatch and each epoch.

    Attributes:
        kind: `steps` after a dispatch, `epoch` at an epoch's end, `stop` after a signal, when the state is to be
            saved.
        step: Optimiser steps since the start.
        metrics: Means over the steps of a dispatch or epoch, and the validation figures of an epoch.
        n_steps: Steps of the dispatch or epoch.
        seconds: What a dispatch took.
        flops: Operations of a step's matrix products, see `flops.per_step`.
    """

    kind: str
    step: int
    n_steps: int
    metrics: dict[str, float]
    state: TrainingState
    loop_state: LoopState
    seconds: float = 0.0
    step_flops: float = 0.0


def prepare(
    model: M6Rec, config: Config, batches: TrainingBatches, tables: Tables, layout: Layout
) -> tuple[Trainer, TrainingState]:
    """Split the model into what learns and what does not, and start the optimisers.

    Raises:
        M6RecError: `train.trainable` names no part, or lacks the generator that the adversary is to teach.
    """
    train = config.train
    for part in train.trainable:
        if part not in PARTS:
            raise M6RecError(
                f"`train.trainable` names a part that the model has not: `{part}`",
                hint=f"known: {PARTS}",
            )

    if train.alpha < 1 and "generator" not in train.trainable:
        raise M6RecError(
            "`train.alpha` is below 1, and the generator does not learn: there would be no adversary",
            where="train.trainable",
            hint=f"`--set 'train.trainable={json.dumps([*train.trainable, 'generator'])}'`",
        )

    def learns(path: tuple[Any, ...], value: Any) -> bool:
        return isinstance(value, nnx.Param) and path[0] in train.trainable

    def judges(path: tuple[Any, ...], value: Any) -> bool:
        return path[0] == "discriminator"

    graphdef, judge, params, frozen = nnx.split(
        with_precision(model, train.precision), judges, learns, ...
    )
    steps = batches.steps_per_epoch * train.epochs
    total = min(steps, train.max_steps) if train.max_steps else steps
    trainer = Trainer(
        graphdef,
        config,
        optimizer.Schedule.of(train, total),
        optimizer.optimizer(train),
        optimizer.discriminator_optimizer(train),
        len(model.encoder.items.names),
        layout,
        batches.typical_targets,
    )
    content = (
        jax.jit(lambda: encode_content(model, tables.items, len(tables.warm)))()
        if batches.caches_content
        else np.zeros(0, np.float32)
    )
    return trainer, TrainingState(
        params=params,
        frozen=frozen,
        discriminator=judge,
        # In one program: eager zeros would be compiled for each shape.
        optimizer=jax.jit(trainer.optimizer.init)(params),
        discriminator_optimizer=jax.jit(trainer.discriminator_optimizer.init)(judge) if trainer.adversarial else (),
        content=content,
        step=np.zeros((), np.int32),
    )


def train(
    trainer: Trainer,
    state: TrainingState,
    loop_state: LoopState,
    batches: TrainingBatches,
    tables: Tables,
    validation: Validation | None,
) -> Iterator[TrainingEvent]:
    """Train until the epochs, the steps or the patience end, or a signal arrives.

    Before the first epoch the untouched model is judged, so that training can only improve on it.

    Raises:
        M6RecError: The loss is not finite.
    """
    config = trainer.config.train
    layout = trainer.layout
    compiled, key = trainer.dispatch(state), layout.key(runtime.key(config.seed))
    dispatch, work = process_group.start_together(compiled), 0.0
    if loop_state.epoch == 0 and loop_state.epoch_step == 0 and loop_state.best_ndcg < 0:
        metrics = validation.evaluate(trainer.graphdef, state, tables, layout) if validation else {}
        _note_best(loop_state, metrics, 0)
        yield TrainingEvent("epoch", 0, 0, metrics, state, loop_state)
    limit = config.max_steps or math.inf
    while not loop_state.done and loop_state.epoch < config.epochs:
        started, cpu_started = time.monotonic(), time.process_time()
        epoch_start = loop_state.epoch_step
        for batches, size in batches.epoch_batches(loop_state.epoch, loop_state.epoch_step):
            first = int(state.step)
            n = int(min(size, limit - first))
            if n <= 0:
                break
            dispatched = time.monotonic()
            rates = trainer.schedule.rates(first, config.steps_per_dispatch)
            given = (state, layout.batches(batches), rates, np.int32(n), tables, key)
            # Traced once: the call below finds the trace made.
            if not work:
                tiles = typical_tiles(layout, trainer.typical_targets)
                work = flops.count_per_step(compiled.trace(*given), tiles)
            state, sums = dispatch(*given)
            sums = {name: float(value) for name, value in sums.items()}
            dispatched = time.monotonic() - dispatched
            step = int(state.step)
            if not all(map(math.isfinite, sums.values())):
                raise M6RecError(
                    f"the loss is not finite within the {n} steps before step {step}",
                    hint="lower `train.learning_rate` and start anew, with `--overwrite` or another `--out`",
                )
            loop_state.epoch_step += n
            loop_state.metric_sums = {
                name: loop_state.metric_sums.get(name, 0.0) + value for name, value in sums.items()
            }
            yield TrainingEvent(
                "steps", step, n, _means(sums, n), state, loop_state, dispatched, work
            )
            if process_group.sum_over_processes(signals.stop_requested()):
                yield TrainingEvent("stop", step, n, _means(sums, n), state, loop_state)
                return
        seconds = time.monotonic() - started
        n = max(loop_state.epoch_step, 1)
        metrics = _means(loop_state.metric_sums, n)
        metrics["seconds"], metrics["cpu_seconds"] = seconds, time.process_time() - cpu_started
        metrics["targets_per_second"] = (
            loop_state.metric_sums.get("targets", 0.0) / n * (n - epoch_start) / max(seconds, 1e-9)
        )
        if validation:
            metrics |= validation.evaluate(trainer.graphdef, state, tables, layout)
        loop_state.epoch, loop_state.epoch_step, loop_state.metric_sums = loop_state.epoch + 1, 0, {}
        step = int(state.step)
        _note_best(loop_state, metrics, step)
        loop_state.done = (
            loop_state.epochs_without_gain >= config.patience or loop_state.epoch >= config.epochs or step >= limit
        )
        yield TrainingEvent("epoch", step, n, metrics, state, loop_state)


def _means(sums: dict[str, float], n: int) -> dict[str, float]:
    return {name: value / n for name, value in sums.items()}


def _note_best(loop_state: LoopState, metrics: dict[str, float], step: int) -> None:
    """Keep the best epoch; without validation the latest is the best."""
    value = metrics.get("ndcg@10")
    if value is None or value > loop_state.best_ndcg:
        loop_state.best_ndcg = loop_state.best_ndcg if value is None else value
        loop_state.best_step, loop_state.best_epoch, loop_state.epochs_without_gain = step, loop_state.epoch, 0
    else:
        loop_state.epochs_without_gain += 1
