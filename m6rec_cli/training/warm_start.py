"""A parent run's parameters into a fresh model, for fine-tuning.

Rows of id embeddings and event kinds are matched by name, since the data may hold other items than
the parent's. Rows that the parent has not trained become zero: a random row would stay random where
the encoder does not learn.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np
import polars as pl
from flax import nnx

from m6rec_cli.config.settings import ModelConfig
from m6rec_cli.data.feature_arrays import read_specs
from m6rec_cli.data.store import Dataset
from m6rec_cli.execution.model_inputs import select_features
from m6rec_cli.model.recommender import M6Rec
from m6rec_cli.system.checkpoints import StepCheckpoints, flatten_by_name, unflatten_by_name
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.run_manifest import CONFIG, REFIT, RunManifest, read_run
from m6rec_cli.system.sealed_files import SealedDirectory

_ID_EMBEDDINGS, _EVENT_EMBEDDINGS = "encoder.ids", "encoder.events"


def load_parent(model: M6Rec, parent: Path, data: Dataset, config: ModelConfig) -> int:
    """Put the parameters of a parent run's best step into `model`.

    Returns:
        The number of items of the data that the parent has learned.

    Raises:
        M6RecError: The model reads other features than the parent, or its parameters have other
            shapes; or the parent has learned the validation events of the data.
    """
    manifest = read_run(parent)
    if manifest.stage == REFIT and manifest.data_fingerprints == data.manifest.fingerprints:
        raise M6RecError(
            "the parent has learned the validation events of these data (`pretrain --refit`): "
            "early stopping would be misled",
            where=str(parent),
            hint=f"`--init {manifest.parent}`",
        )
    _require_same_features(config, parent, manifest, data)
    _, variables = nnx.split(model)
    files = manifest.directory(parent)
    files.check(CONFIG, f"steps/{manifest.best.step}.json")
    old = StepCheckpoints(parent / "steps").read_tree(manifest.best.step, "params")
    trained = _trained_ids(files, manifest)
    files.require_unchanged()
    rows: dict[str, tuple[Sequence[str | None], Sequence[str]]] = {
        _ID_EMBEDDINGS: (trained, data.items["id"].to_list()),
        _EVENT_EMBEDDINGS: (manifest.model.event_kinds, data.manifest.event_kinds),
    }
    arrays = {}
    for name, fresh in flatten_by_name(variables).items():
        if name == _EVENT_EMBEDDINGS and name not in old:
            array = np.zeros_like(fresh)  # a parent with one kind of event has no such table
        elif name in old and name in rows and old[name].shape[1:] == fresh.shape[1:]:
            old_names, new_names = rows[name]
            array = _match_rows(old[name], old_names, new_names)
        elif name in old and old[name].shape == fresh.shape:
            array = old[name]
        else:
            raise M6RecError(
                f"the parent run has another model: `{name}` has another shape",
                where=str(parent / CONFIG),
                hint="leave out the `model.*` settings that change shapes",
            )
        arrays[name] = jax.device_put(array)
    nnx.update(model, unflatten_by_name(variables, arrays))
    return int(data.items["id"].is_in([name for name in trained if name is not None]).sum())


def _trained_ids(files: SealedDirectory, manifest: RunManifest) -> list[str | None]:
    """The parent's item ids by row; None where pre-training left the random initial row.

    A fine-tuned parent has zeros there, and rows trained by its own parent, whose data may hold
    other events.
    """
    items = files.read("catalogue/items.parquet", pl.read_parquet).select("id", "popularity")
    if manifest.parent is not None:
        return items["id"].to_list()
    return [name if popularity else None for name, popularity in items.iter_rows()]


def _match_rows(
    old: np.ndarray, old_names: Sequence[str | None], new_names: Sequence[str]
) -> np.ndarray:
    """The table with rows named `new_names`: rows of `old` of the same name, zeros elsewhere."""
    row_of = {name: row for row, name in enumerate(old_names)}
    source = np.array([row_of.get(name, -1) for name in new_names])
    table = np.zeros((len(new_names), *old.shape[1:]), old.dtype)
    table[source >= 0] = old[source[source >= 0]]
    return table


def _require_same_features(
    config: ModelConfig, parent: Path, manifest: RunManifest, data: Dataset
) -> None:
    """Raise unless both models read the same features, fitted alike, in the same order.

    Towers are matched by their position.
    """
    ours, theirs = (
        {(s.entity, s.name): dataclasses.asdict(s) for s in select_features(specs, config)}
        for specs in (data.specs, read_specs(manifest.directory(parent)))
    )
    for key in sorted(ours.keys() | theirs.keys()):
        if ours.get(key) != theirs.get(key):
            raise M6RecError(
                f"the {key[0]} feature `{key[1]}` was not fitted as in the parent run",
                where=str(data.path / "features"),
                hint=f"make the data with `m6rec preprocess --like {parent}`, or pass "
                "`--set 'model.exclude=[\"...\"]'` to both stages",
            )
    read = [(feature.entity, feature.name) for feature in manifest.model.features]
    for entity, name in sorted(set(read) ^ ours.keys()):
        reader = "the parent run" if (entity, name) in read else "this run"
        raise M6RecError(
            f"only {reader} reads the {entity} feature `{name}`",
            where=f"{parent / CONFIG}: model.features, model.exclude",
            hint="leave these keys as they are there; `recommend.hidden_features` shows the effect "
            "of a feature on lists",
        )
    for entity in ("item", "user"):
        if [key for key in ours if key[0] == entity] != [key for key in read if key[0] == entity]:
            raise M6RecError(
                f"the {entity} features have another order than in the parent run",
                where=str(data.path / "features"),
                hint=f"make the data with `m6rec preprocess --like {parent}`",
            )
