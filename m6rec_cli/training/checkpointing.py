"""The state of training to a checkpoint and back, by names that other programs can read."""

import dataclasses
import time
from typing import Any

import jax
import numpy as np
from flax import nnx

from m6rec_cli.execution.mesh import Layout
from m6rec_cli.model.recommender import M6Rec
from m6rec_cli.system import process_group
from m6rec_cli.system.checkpoints import StepCheckpoints, check_shapes, flatten_by_name, unflatten_by_name
from m6rec_cli.training.loop import LoopState, TrainingEvent
from m6rec_cli.training.state import TrainingState

_PROGRESS = "progress"
"""What the seal of a step has from which training can go on; one of the best parameters alone has it not."""


def state_arrays(state: TrainingState) -> dict[str, dict[str, Any]]:
    """The state as named trees of arrays; contents that cannot have changed since the start are left out."""
    changes = len(state.content) and "encoder" in state.params
    return {
        "params": flatten_by_name(state.params) | flatten_by_name(state.frozen) | flatten_by_name(state.discriminator),
        "optimizer": {f"main.{k}": v for k, v in flatten_by_name(state.optimizer).items()}
        | {f"judge.{k}": v for k, v in flatten_by_name(state.discriminator_optimizer).items()},
        "content": {"content": state.content} if changes else {},
    }


class CheckpointWriter:
    """Writes the state at the ends of epochs and at a stop, and keeps the best parameters beside it.

    A checkpoint takes longer than an epoch of a small catalogue. Before the next one is due, the parameters of the best
    epoch are copied into memory, and written with it. Several processes write after every epoch: one alone may not have
    all parameters, nor the time of the others.
    """

    def __init__(self, steps: StepCheckpoints, layout: Layout, seconds: float) -> None:
        """Write to `steps`, `seconds` after a checkpoint at the earliest."""
        self._steps, self._layout, self._seconds = steps, layout, seconds
        self._written = time.monotonic()
        self._best: tuple[int, tuple[Any, Any]] | None = None

    def save_if_due(self, update: TrainingEvent, *, now: bool) -> None:
        """Write what the loop reports, or remember it if it is the best and nothing is due.

        Args:
            update: An epoch, or a stop.
            now: Write in any case.
        """
        best = update.loop_state.best_step
        if now or not process_group.is_alone() or time.monotonic() - self._written >= self._seconds:
            self._write(update)
        elif best == update.step and not _goes_on(self._steps, best):
            # The loop gives its arrays away with the next step.
            self._best = (
                update.step,
                jax.tree.map(np.array, (update.state.params, update.state.discriminator)),
            )

    def _write(self, update: TrainingEvent) -> None:
        """The best parameters first: a step from which training goes on has those that it calls the best beside it."""
        best, state = update.loop_state.best_step, update.state
        if self._best and self._best[0] == best != update.step:
            params, judge = self._best[1]
            judged = TrainingState(
                params=params,
                discriminator=judge,
                frozen=state.frozen,
                optimizer=(),
                discriminator_optimizer=(),
                content=(),
                step=best,
            )
            self._save(best, judged, {}, keep=set(self._steps.sealed()))
        self._best = None
        meta = {_PROGRESS: dataclasses.asdict(update.loop_state)}
        if _goes_on(self._steps, update.step):
            # A stop behind the last step of an epoch has written it, before the epoch was judged.
            self._steps.update_seal(update.step, meta, keep={best})
        else:
            self._save(update.step, state, meta, keep={best})
        self._written = time.monotonic()

    def _save(
        self, step: int, state: TrainingState, meta: dict[str, Any], *, keep: set[int]
    ) -> None:
        trees = state_arrays(state)
        self._steps.save(step, trees, meta | self._layout.rows_kept(trees), keep=keep)


def last_resumable_step(steps: StepCheckpoints) -> int | None:
    """The last step from which training can go on; nothing was trained at step 0."""
    return max(
        (step for step in steps.sealed() if step > 0 and _goes_on(steps, step)), default=None
    )


def _goes_on(steps: StepCheckpoints, step: int) -> bool:
    """Whether all that training goes on from is written; of the best parameters alone it is not."""
    return step in steps.sealed() and _PROGRESS in steps.read_seal(step)


def restore(
    steps: StepCheckpoints, step: int, state: TrainingState
) -> tuple[TrainingState, LoopState]:
    """A step in the form of `state`, and where the loop was.

    Raises:
        M6RecError: The step is damaged, or another model's.
    """
    trees = steps.load_trees(step, state_arrays(state))
    params, opt = trees["params"], trees.get("optimizer", {})

    def part(prefix: str) -> dict[str, Any]:
        return {k.removeprefix(prefix): v for k, v in opt.items() if k.startswith(prefix)}

    restored = TrainingState(
        params=unflatten_by_name(state.params, params),
        frozen=unflatten_by_name(state.frozen, params),
        discriminator=unflatten_by_name(state.discriminator, params),
        optimizer=unflatten_by_name(state.optimizer, part("main.")),
        discriminator_optimizer=unflatten_by_name(state.discriminator_optimizer, part("judge.")),
        content=trees.get("content", {}).get("content", state.content),
        step=np.int32(step),
    )
    return jax.tree.map(jax.device_put, restored), LoopState(**steps.read_seal(step)[_PROGRESS])


def load_best(model: M6Rec, steps: StepCheckpoints, step: int) -> None:
    """Put the parameters that a step was judged by into `model`.

    Raises:
        M6RecError: They are another model's.
    """
    _, variables = nnx.split(model)
    arrays = steps.read_tree(step, "params")
    check_shapes(steps.folder / str(step), flatten_by_name(variables), arrays)
    nnx.update(model, unflatten_by_name(variables, {k: jax.device_put(v) for k, v in arrays.items()}))
