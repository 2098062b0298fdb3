"""The state of training to a checkpoint of named arrays, and back."""

import time
from dataclasses import asdict, replace

import jax
import numpy as np
from flax import nnx

from m6rec_cli.execution.layout import Layout, item_tables
from m6rec_cli.model.recommender import M6Rec
from m6rec_cli.system import process_group
from m6rec_cli.system.checkpoints import (
    NamedArrays,
    SealFacts,
    StepCheckpoints,
    check_shapes,
    flatten_by_name,
    unflatten_by_name,
)
from m6rec_cli.training.loop import LoopState, TrainingEvent
from m6rec_cli.training.state import TrainingState

_LOOP_STATE = "loop_state"
"""Key in the seal of a resumable step; a step with the best parameters alone lacks it."""


def state_arrays(state: TrainingState) -> dict[str, NamedArrays]:
    """The state as trees of named arrays.

    The content cache is left out if it is constant, since it is computed again at the start.
    `params` are those that are served. With `train.average` the trained ones lie beside them.
    """
    caches_content = np.size(state.content) > 0 and "encoder" in state.params
    parameters = (state.served, state.frozen, state.discriminator)
    return {
        "params": {name: x for tree in parameters for name, x in flatten_by_name(tree).items()},
        "optimizer": {
            f"{prefix}.{name}": x
            for prefix, tree in (
                ("main", state.optimizer),
                ("discriminator", state.discriminator_optimizer),
            )
            for name, x in flatten_by_name(tree).items()
        },
        "content": {"content": state.content} if caches_content else {},
        "trained": {} if state.served is state.params else flatten_by_name(state.params),
    }


class CheckpointWriter:
    """Saves the state after epochs and at a stop, and keeps the best parameters beside it.

    A checkpoint can take longer than an epoch of a small catalogue. Until the next one is due, the
    parameters of the best epoch are kept in memory and saved together with it. Several processes
    save after each epoch, since one process may hold only a part of the parameters, and their
    clocks differ.
    """

    def __init__(self, steps: StepCheckpoints, layout: Layout, seconds: float) -> None:
        """Save to `steps`, at least `seconds` apart."""
        self._steps, self._layout, self._seconds = steps, layout, seconds
        self._last_save = time.monotonic()
        self._best: tuple[int, nnx.State, nnx.State] | None = None

    def save_if_due(self, event: TrainingEvent, *, now: bool) -> None:
        """Save the state after an epoch or stop, or keep the best parameters in memory.

        Args:
            now: Save in any case.
        """
        best = event.loop_state.best_step
        is_due = time.monotonic() - self._last_save >= self._seconds
        if now or is_due or not process_group.is_alone():
            self._save(event)
        elif best == event.step and not _is_resumable(self._steps, best):
            # Copies: the next step donates the arrays.
            state = event.state
            self._best = (
                event.step,
                jax.tree.map(np.array, state.served),
                jax.tree.map(np.array, state.discriminator),
            )

    def _save(self, event: TrainingEvent) -> None:
        """Save the best parameters first: a resumable step needs them beside it."""
        best, state = event.loop_state.best_step, event.state
        if self._best and self._best[0] == best != event.step:
            _, params, discriminator = self._best
            best_state = replace(
                state,
                params=params,
                average=(),
                discriminator=discriminator,
                optimizer=(),
                discriminator_optimizer=(),
                content=(),
                step=best,
            )
            self._save_state(best, best_state, {}, keep=set(self._steps.sealed()))
        self._best = None
        facts: SealFacts = {_LOOP_STATE: asdict(event.loop_state)}
        if _is_resumable(self._steps, event.step):
            # A stop after the last step of an epoch saved this step before its validation.
            self._steps.update_seal(event.step, facts, keep={best})
        else:
            self._save_state(event.step, state, facts, keep={best})
        self._last_save = time.monotonic()

    def _save_state(
        self, step: int, state: TrainingState, facts: SealFacts, *, keep: set[int]
    ) -> None:
        rows = self._layout.real_rows(state_arrays(item_tables(state)))
        self._steps.save(step, state_arrays(state), facts | rows, keep=keep)


def last_resumable_step(steps: StepCheckpoints) -> int | None:
    """The last step from which training can resume; not step 0, where nothing was trained."""
    return max((s for s in steps.sealed() if s > 0 and _is_resumable(steps, s)), default=None)


def _is_resumable(steps: StepCheckpoints, step: int) -> bool:
    """Whether a step holds the whole state, and not the best parameters alone."""
    return step in steps.sealed() and _LOOP_STATE in steps.read_seal(step)


def restore(
    steps: StepCheckpoints, step: int, state: TrainingState
) -> tuple[TrainingState, LoopState]:
    """Read a step into the structure of `state`.

    Raises:
        M6RecError: The step is damaged, or belongs to another model.
    """
    trees = steps.load_trees(step, state_arrays(state))
    params, optimizers = trees["params"], trees.get("optimizer", {})

    def with_prefix(prefix: str) -> NamedArrays:
        return {
            name.removeprefix(prefix): x
            for name, x in optimizers.items()
            if name.startswith(prefix)
        }

    restored = TrainingState(
        params=unflatten_by_name(state.params, trees.get("trained") or params),
        average=()
        if isinstance(state.average, tuple)
        else unflatten_by_name(state.average, params),
        frozen=unflatten_by_name(state.frozen, params),
        discriminator=unflatten_by_name(state.discriminator, params),
        optimizer=unflatten_by_name(state.optimizer, with_prefix("main.")),
        discriminator_optimizer=unflatten_by_name(
            state.discriminator_optimizer, with_prefix("discriminator.")
        ),
        content=trees.get("content", {}).get("content", state.content),
        step=np.int32(step),
    )
    return jax.tree.map(jax.device_put, restored), loop_state_of(steps, step)


def loop_state_of(steps: StepCheckpoints, step: int) -> LoopState:
    """The position of the loop at a resumable step."""
    return LoopState(**steps.read_seal(step)[_LOOP_STATE])


def load_best(model: M6Rec, steps: StepCheckpoints, step: int) -> None:
    """Put the parameters of a step into `model`.

    Raises:
        M6RecError: They belong to another model.
    """
    _, variables = nnx.split(model)
    arrays = steps.read_tree(step, "params")
    check_shapes(steps.folder / str(step), flatten_by_name(variables), arrays)
    on_device = {name: jax.device_put(x) for name, x in arrays.items()}
    nnx.update(model, unflatten_by_name(variables, on_device))
