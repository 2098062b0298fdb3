"""The training loop of both stages: a generator of events; the caller saves and reports them."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from m6rec_cli.config.training_settings import TrainConfig
from m6rec_cli.execution.model_inputs import FeatureTables
from m6rec_cli.system import process_group, runtime
from m6rec_cli.system.errors import DivergedError
from m6rec_cli.training import flops
from m6rec_cli.training.batches import TrainingBatches
from m6rec_cli.training.catalogue_operations import operations_for
from m6rec_cli.training.state import TrainingState
from m6rec_cli.training.step import Trainer
from m6rec_cli.training.stopping import StopCondition
from m6rec_cli.training.validation import Validation

_LOWER_RATE = "lower `train.learning_rate` and start again, with `--overwrite` or another `--out`"


@dataclass(kw_only=True)
class LoopState:
    """The position of the loop and its early stopping, saved with every resumable checkpoint.

    Attributes:
        epoch: Completed epochs.
        epoch_step: Steps done in the current epoch; saved as 0 unless a signal stopped the run.
        best_ndcg: Best validation NDCG@10 so far, of `best_step` and `best_epoch`; -1 before the
            first.
        epochs_without_gain: Epochs since the best one.
        first_loss: Mean loss of the first epoch; None before its end.
        last_loss: Mean loss of the last completed epoch.
        metric_sums: Sums of the measurements over the steps of the current epoch.
        done: Whether training has ended.
    """

    epoch: int = 0
    epoch_step: int = 0
    best_ndcg: float = -1.0
    best_step: int = 0
    best_epoch: int = 0
    epochs_without_gain: int = 0
    first_loss: float | None = None
    last_loss: float | None = None
    metric_sums: dict[str, float] = field(default_factory=dict)
    done: bool = False

    @property
    def is_new(self) -> bool:
        """Whether nothing was trained or validated yet."""
        return self.epoch == 0 and self.epoch_step == 0 and self.best_ndcg < 0

    def end_epoch(self, step: int, ndcg: float | None, loss: float | None) -> None:
        """Count the epoch that ends at `step`."""
        self.first_loss, self.last_loss = loss if self.epoch == 0 else self.first_loss, loss
        self.epoch, self.epoch_step, self.metric_sums = self.epoch + 1, 0, {}
        self.note_validation(step, ndcg)

    def is_finished(self, train: TrainConfig, epochs: int, step: int) -> bool:
        """Whether the epochs, the steps or the patience have run out."""
        return (
            self.epochs_without_gain >= train.patience
            or self.epoch >= epochs
            or step >= (train.max_steps or math.inf)
        )

    def note_validation(self, step: int, ndcg: float | None) -> None:
        """Keep the best step; without validation the last step is the best."""
        if ndcg is not None and ndcg <= self.best_ndcg:
            self.epochs_without_gain += 1
            return
        self.best_ndcg = self.best_ndcg if ndcg is None else ndcg
        self.best_step, self.best_epoch, self.epochs_without_gain = step, self.epoch, 0


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

    def validate() -> dict[str, float]:
        return validation.evaluate(trainer.graphdef, state, tables, layout) if validation else {}

    compiled, key = (
        trainer.compile_dispatch(state),
        layout.place_key(runtime.random_key(config.seed)),
    )
    dispatch, step_flops = process_group.start_together(compiled), 0.0
    if loop_state.is_new:
        metrics = validate()
        loop_state.note_validation(0, metrics.get("ndcg@10"))
        yield TrainingEvent(
            kind="epoch", step=0, n_steps=0, metrics=metrics, state=state, loop_state=loop_state
        )
    max_steps = config.max_steps or math.inf
    while not loop_state.done and loop_state.epoch < epochs:
        started, cpu_started = time.monotonic(), time.process_time()
        first_epoch_step = loop_state.epoch_step
        for stack, n_batches in batches.epoch_batches(loop_state.epoch, loop_state.epoch_step):
            first_step = int(state.step)
            n = int(min(n_batches, max_steps - first_step))
            if n <= 0:
                break
            dispatch_started = time.monotonic()
            rates = trainer.schedule.rates(first_step, config.steps_per_dispatch)
            args = (state, layout.place_batches(stack), rates, np.int32(n), tables, key)
            if not step_flops:
                # The call below reuses this trace.
                n_tiles = operations_for(layout).n_tiles(trainer.typical_targets)
                step_flops = flops.count_per_step(compiled.trace(*args), n_tiles)
            state, sums = dispatch(*args)
            sums = {name: float(value) for name, value in sums.items()}
            seconds = time.monotonic() - dispatch_started
            step = int(state.step)
            _require_finite(sums, n, step)
            loop_state.epoch_step += n
            loop_state.metric_sums = {
                name: loop_state.metric_sums.get(name, 0.0) + value for name, value in sums.items()
            }
            yield TrainingEvent(
                kind="steps",
                step=step,
                n_steps=n,
                metrics=_means(sums, n),
                state=state,
                loop_state=loop_state,
                seconds=seconds,
                step_flops=step_flops,
            )
            if stop.is_met():
                yield TrainingEvent(
                    kind="stop",
                    step=step,
                    n_steps=n,
                    metrics=_means(sums, n),
                    state=state,
                    loop_state=loop_state,
                )
                return
        seconds = time.monotonic() - started
        n = max(loop_state.epoch_step, 1)
        n_targets = loop_state.metric_sums.get("targets", 0.0) / n * (n - first_epoch_step)
        metrics = _means(loop_state.metric_sums, n) | {
            "seconds": seconds,
            "cpu_seconds": time.process_time() - cpu_started,
            "targets_per_second": n_targets / max(seconds, 1e-9),
        }
        metrics |= validate()
        step = int(state.step)
        if validation is None:
            _require_finite_parameters(state, step)  # else by the scores of validation
        loop_state.end_epoch(step, metrics.get("ndcg@10"), metrics.get("loss"))
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


def _require_finite(sums: dict[str, float], n_steps: int, step: int) -> None:
    if not all(map(math.isfinite, sums.values())):
        raise DivergedError(
            f"the loss is not finite within the {n_steps} steps before step {step}",
            hint=_LOWER_RATE,
        )
