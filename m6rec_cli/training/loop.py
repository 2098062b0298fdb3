"""The training loop of both stages: a generator of events; the caller saves and reports them."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import jax
import jax.numpy as jnp
from flax import nnx

from m6rec_cli.execution.model_inputs import FeatureTables
from m6rec_cli.system.errors import DivergedError
from m6rec_cli.training.batches import TrainingBatches
from m6rec_cli.training.dispatches import Dispatches, FinishedDispatch
from m6rec_cli.training.loop_state import LoopState
from m6rec_cli.training.state import TrainingState
from m6rec_cli.training.step import Trainer
from m6rec_cli.training.stopping import StopCondition
from m6rec_cli.training.validation import Validation

_LOWER_RATE = "lower `train.learning_rate` and start again, with `--overwrite` or another `--out`"


AfterEpoch = Callable[[LoopState], None]
"""Sees the position of the loop after each epoch; it may raise to give the training up."""


@dataclass(frozen=True, kw_only=True)
class TrainingEvent:
    """The state of training after a dispatch or an epoch.

    Attributes:
        kind: `steps` after a dispatch, `epoch` at the end of an epoch, `stop` before the end: the
            caller saves the state and ends.
        step: Optimizer steps since the start of training.
        n_steps: Steps in the dispatch or epoch.
        metrics: Means over the steps of the dispatch or epoch; for an epoch also validation and
            speed.
        state: Of `step`; of a `steps` event perhaps of a later one, which the device is computing.
        seconds: Duration of a dispatch.
        step_flops: Operations in the matrix products of one step, see `flops.count_per_step`.
    """

    kind: Literal["steps", "epoch", "stop"]
    step: int
    n_steps: int
    metrics: dict[str, float]
    state: TrainingState
    loop_state: LoopState
    seconds: float = 0.0
    step_flops: float = 0.0


def train(
    trainer: Trainer,
    state: TrainingState,
    loop_state: LoopState,
    batches: TrainingBatches,
    tables: FeatureTables,
    validation: Validation | None,
    *,
    epochs: int,
    stop: StopCondition,
) -> Iterator[TrainingEvent]:
    """Train until the epochs, the steps or the patience run out, or it has to stop.

    The first event validates the untrained model, so that the best step is never worse than it.

    Args:
        stop: Asked after each dispatch.
        epochs: Maximum number of epochs. The learning rate decays over `train.epochs`.

    Raises:
        DivergedError: The loss is not finite.
    """
    config, layout = trainer.config.train, trainer.layout

    def validate(state: TrainingState) -> dict[str, float]:
        return validation.evaluate(trainer.graphdef, state, tables, layout) if validation else {}

    with Dispatches(trainer, state, batches, tables) as dispatches:
        if not loop_state.done and loop_state.epoch < epochs:
            dispatches.compile_ahead(loop_state.epoch, loop_state.epoch_step)
        if loop_state.is_new:
            metrics = validate(state)
            loop_state.note_validation(0, metrics.get("ndcg@10"))
            yield TrainingEvent(
                kind="epoch", step=0, n_steps=0, metrics=metrics, state=state, loop_state=loop_state
            )
        while not loop_state.done and loop_state.epoch < epochs:
            started, cpu_started = time.monotonic(), time.process_time()
            first_epoch_step, event = loop_state.epoch_step, None
            for one in dispatches.of_epoch(loop_state.epoch, first_epoch_step, stop):
                _require_finite(one)
                loop_state.epoch_step += one.n_steps
                loop_state.metric_sums = {
                    name: loop_state.metric_sums.get(name, 0.0) + value
                    for name, value in one.sums.items()
                }
                event = TrainingEvent(
                    kind="steps",
                    step=one.step,
                    n_steps=one.n_steps,
                    metrics=_means(one.sums, one.n_steps),
                    state=dispatches.state,
                    loop_state=loop_state,
                    seconds=one.seconds,
                    step_flops=dispatches.step_flops,
                )
                yield event
            state = dispatches.state
            if event is not None and stop.is_met():
                yield replace(event, kind="stop", state=state)
                return
            seconds = time.monotonic() - started
            n = max(loop_state.epoch_step, 1)
            n_targets = loop_state.metric_sums.get("targets", 0.0) / n * (n - first_epoch_step)
            metrics = _means(loop_state.metric_sums, n) | {
                "seconds": seconds,
                "cpu_seconds": time.process_time() - cpu_started,
                "targets_per_second": n_targets / max(seconds, 1e-9),
            }
            metrics |= validate(state)
            step = int(state.step)
            if validation is None:
                _require_finite_parameters(state, step)  # else by the scores of validation
            loop_state.end_epoch(
                step,
                metrics.get("ndcg@10"),
                metrics.get("loss"),
                keeps_last=config.keep == "last",
            )
            loop_state.done = loop_state.is_finished(config, epochs, step)
            yield TrainingEvent(
                kind="epoch",
                step=step,
                n_steps=n,
                metrics=metrics,
                state=state,
                loop_state=loop_state,
            )


def _means(sums: dict[str, float], n: int) -> dict[str, float]:
    return {name: value / n for name, value in sums.items()}


def _require_finite_parameters(state: TrainingState, step: int) -> None:
    """Raise if the last step made a parameter infinite or NaN: no later loss would tell."""
    if not _are_finite((state.params, state.discriminator)):
        raise DivergedError(f"the parameters are not finite after step {step}", hint=_LOWER_RATE)


@jax.jit
def _are_finite(tree: tuple[nnx.State, nnx.State]) -> jax.Array:
    return jnp.stack([jnp.isfinite(x).all() for x in jax.tree.leaves(tree)]).all()


def _require_finite(one: FinishedDispatch) -> None:
    if not all(map(math.isfinite, one.sums.values())):
        raise DivergedError(
            f"the loss is not finite within the {one.n_steps} steps before step {one.step}",
            hint=_LOWER_RATE,
        )
