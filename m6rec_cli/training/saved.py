"""The state of training to a checkpoint and back, by names that other programs can read."""

import dataclasses
from typing import Any

import jax
import numpy as np
from flax import nnx

from m6rec_cli.checkpoint import Steps, check_shapes, named, unnamed
from m6rec_cli.model.recommender import M6Rec
from m6rec_cli.training.loop import Progress, Report
from m6rec_cli.training.mesh import Layout
from m6rec_cli.training.state import State


def trees_of(state: State) -> dict[str, dict[str, Any]]:
    """The state as named trees of arrays; contents that cannot have changed since the start are left out."""
    changes = len(state.content) and "encoder" in state.params
    return {
        "params": named(state.params) | named(state.frozen) | named(state.judge),
        "optimizer": {f"main.{k}": v for k, v in named(state.optimizer).items()}
        | {f"judge.{k}": v for k, v in named(state.judge_optimizer).items()},
        "content": {"content": state.content} if changes else {},
    }


def save(steps: Steps, update: Report, layout: Layout) -> None:
    """Write what the loop reports as a step, and keep the best step beside it."""
    progress, trees = dataclasses.asdict(update.progress), trees_of(update.state)
    meta = {"progress": progress, **layout.rows_kept(trees)}
    steps.save(update.step, trees, meta, keep={update.progress.best_step})


def restore(steps: Steps, state: State) -> tuple[State, Progress]:
    """The last step in the form of `state`, and where the loop was.

    Raises:
        M6RecError: The step is damaged, or another model's.
    """
    step = steps.sealed()[-1]
    trees = steps.load(step, trees_of(state))
    params, opt = trees["params"], trees.get("optimizer", {})

    def part(prefix: str) -> dict[str, Any]:
        return {k.removeprefix(prefix): v for k, v in opt.items() if k.startswith(prefix)}

    restored = State(
        params=unnamed(state.params, params), frozen=unnamed(state.frozen, params), judge=unnamed(state.judge, params),
        optimizer=unnamed(state.optimizer, part("main.")),
        judge_optimizer=unnamed(state.judge_optimizer, part("judge.")),
        content=trees.get("content", {}).get("content", state.content),
        step=np.int32(step),
    )  # fmt: skip
    return jax.tree.map(jax.device_put, restored), Progress(**steps.meta(step)["progress"])


def load_judged(model: M6Rec, steps: Steps, step: int) -> None:
    """Put the parameters that a step was judged by into `model`.

    Raises:
        M6RecError: They are another model's.
    """
    _, variables = nnx.split(model)
    arrays = steps.read(step, "params")
    check_shapes(steps.folder / str(step), named(variables), arrays)
    nnx.update(model, unnamed(variables, {k: jax.device_put(v) for k, v in arrays.items()}))
