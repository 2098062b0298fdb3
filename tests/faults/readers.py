"""A directory that m6rec writes to all that it holds, for comparing before and after damage."""

from pathlib import Path

import jax
import numpy as np
from flax import nnx

from m6rec_cli.data.store import Dataset
from m6rec_cli.inference import user_states
from m6rec_cli.inference.loaded_run import load
from m6rec_cli.system.checkpoints import StepCheckpoints


def read_data(folder: Path) -> object:
    """All that a data directory holds."""
    data = Dataset.open(folder)
    data.files.check(*data.files.names("features"))
    arrays = [data.feature(spec) for spec in data.specs]
    return (
        data.manifest,
        data.users.rows(),
        data.items.rows(),
        [column.tobytes() for column in data.events.columns().values()],
        [(a.values.tobytes(), a.mask.tobytes()) for a in arrays],
    )


def read_run(folder: Path) -> object:
    """All that lists are made from."""
    run = load(folder)
    run.files.check("origin.json")
    items = run.catalogue
    graphs = [items.cooccurrence, items.content_similarity, *items.content_counts()]
    arrays = jax.tree.leaves((nnx.state(run.model), items.embeddings))
    return (
        run.manifest,
        items.items.rows(),
        [(graph.indices.tobytes(), graph.data.tobytes()) for graph in graphs],
        [np.asarray(jax.random.key_data(x) if _is_key(x) else x).tobytes() for x in arrays],
    )


def read_step(folder: Path, step: int) -> object:
    """A checkpoint of a run."""
    steps = StepCheckpoints(folder / "steps")
    trees = {name: steps.read_tree(step, name) for name in sorted(steps.tree_names(step))}
    arrays = {(t, name): x.tobytes() for t, tree in trees.items() for name, x in tree.items()}
    return steps.read_seal(step), arrays


def read_state(folder: Path) -> object:
    """All that a state directory of the run `run` holds."""
    states = user_states.read_states(folder, "run")
    frames = (states.users, states.events, states.older, states.items, states.changed)
    arrays = (states.contexts.tobytes(), states.states.tobytes())
    return [frame.rows() for frame in frames], arrays, states.night


def _is_key(x: jax.Array) -> bool:
    return jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key)


def files_of(folder: Path) -> list[Path]:
    """The files below a folder, sorted."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def files_of_run(folder: Path, *, step: int) -> list[Path]:
    """The files of a run but for `metrics.jsonl`, which is a log, and steps other than `step`."""
    return [
        path
        for path in files_of(folder)
        if path.name != "metrics.jsonl"
        and ("steps" not in path.parts or str(step) in (*path.parts, path.stem))
    ]
