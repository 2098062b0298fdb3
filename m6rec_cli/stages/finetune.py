"""Fine-tuning (article 4.2.3): a pre-trained model learns from labelled events, by default its generator."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

import jax
import numpy as np
import polars as pl
from flax import nnx

from m6rec_cli.config import resolve as configuration
from m6rec_cli.config.settings import Config
from m6rec_cli.data.store import Dataset, read_specs
from m6rec_cli.execution.model_inputs import select
from m6rec_cli.model.recommender import M6Rec
from m6rec_cli.system.checkpoints import CONFIG, StepCheckpoints, named, open_run, unnamed
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import Reporter, Summary
from m6rec_cli.training.run_directory import TrainingJob
from m6rec_cli.training.session import fit


def resolve(parent: Path, *, preset: str | None, file: Path | None, sets: Iterable[str]) -> Config:
    """The configuration of a fine-tuning run: the parent's `model` section, then the usual layers."""
    open_run(parent)
    base = configuration.section(configuration.resolve(file=parent / CONFIG), "model")
    return configuration.resolve(
        "finetune", preset=preset, file=file, sets=sets, base=base, command="finetune"
    )


def run(
    config: Config,
    data: Path,
    parent: Path,
    out: Path,
    report: Reporter,
    *,
    resume: bool = False,
    overwrite: bool = False,
    profile: Path | None = None,
) -> Summary:
    """Fine-tune the run `parent` on a data directory and write a run directory.

    Item ids and event kinds are taken over by name, so that the data may hold other items than the
    parent's; those that it has not trained start at zero, since a random one would stay where the encoder does not learn.

    Raises:
        M6RecError: The features of the data were not fitted as the parent's, or others are to be read.
    """
    manifest = open_run(parent)

    def adopt(model: M6Rec, dataset: Dataset) -> None:
        _same_features(config, parent, dataset)
        step = manifest["best"]["step"]
        _, variables = nnx.split(model)
        fresh = named(variables)
        old = StepCheckpoints(parent / "steps").read(step, "params")
        items = pl.read_parquet(
            parent / "catalogue" / "items.parquet", columns=["id", "popularity"]
        )
        # What pre-training has not met is as it was drawn. A tuned parent has zeros there, and rows that its own parent has trained.
        drawn = manifest["parent"] is None
        old_ids = [None if drawn and n == 0 else name for name, n in items.iter_rows()]
        by_rows = {
            "encoder.ids": (old_ids, dataset.items["id"].to_list()),
            "encoder.events": (manifest["model"]["events"], dataset.manifest["events"]),
        }
        adopted = {}
        for name, array in fresh.items():
            if name in by_rows and name in old:
                adopted[name] = _by_row(old[name], array.shape, by_rows[name], parent)
            else:
                adopted[name] = _whole(name, old, array, parent)
        nnx.update(
            model,
            unnamed(variables, {name: jax.device_put(array) for name, array in adopted.items()}),
        )

    request = TrainingJob("finetune", data, out, config, resume, overwrite, parent, profile=profile)
    return fit(request, report, labels=True, adopt=adopt)


def _whole(name: str, old: dict[str, np.ndarray], fresh: np.ndarray, parent: Path) -> np.ndarray:
    if name == "encoder.events":
        return np.zeros_like(
            fresh
        )  # the parent knew one kind of event, and so had no table of kinds
    if name not in old or old[name].shape != fresh.shape:
        raise M6RecError(
            f"the parent run is another model: `{name}` does not fit",
            where=str(parent / CONFIG),
            hint="leave out the `model.*` settings that change shapes",
        )
    return old[name]


def _by_row(
    old: np.ndarray, shape: tuple[int, ...], names: tuple[list[str | None], list[str]], parent: Path
) -> np.ndarray:
    """Rows of `old` where both know the name, zeros elsewhere."""
    if old.shape[1:] != shape[1:]:
        raise M6RecError(
            "the parent run has another `model.width`",
            where=str(parent / CONFIG),
            hint="leave `model.width` as it is there",
        )
    at = {name: row for row, name in enumerate(names[0])}
    source = np.array([at.get(name, -1) for name in names[1]])
    out = np.zeros(shape, old.dtype)
    out[source >= 0] = old[source[source >= 0]]
    return out


def _same_features(config: Config, parent: Path, data: Dataset) -> None:
    """Raise unless the towers of both read the same features in the same order: parameters are taken over by their places."""
    mine, theirs = (
        {(s.entity, s.name): dataclasses.asdict(s) for s in select(specs, config.model)}
        for specs in (data.specs, read_specs(parent / "features"))
    )
    for key in sorted(mine.keys() | theirs.keys()):
        if mine.get(key) != theirs.get(key):
            raise M6RecError(
                f"the {key[0]} feature `{key[1]}` was not fitted as in the parent run",
                where=str(data.path / "features"),
                hint=f"make the data with `m6rec preprocess --like {parent}`, or `--set 'model.exclude=[\"...\"]'` in both",
            )
    read = [(f["entity"], f["name"]) for f in open_run(parent)["model"]["features"]]
    for entity, name in sorted(set(read) ^ mine.keys()):
        raise M6RecError(
            f"the {entity} feature `{name}` is read by {'the parent run' if (entity, name) in read else 'this run'} alone",
            where=f"{parent / CONFIG}: model.features, model.exclude",
            hint="leave these keys as they are there; `recommend.hidden_features` tells what lists owe to a feature",
        )
    for entity in ("item", "user"):
        if [key for key in mine if key[0] == entity] != [key for key in read if key[0] == entity]:
            raise M6RecError(
                f"the {entity} features stand in another order than in the parent run",
                where=str(data.path / "features"),
                hint=f"make the data with `m6rec preprocess --like {parent}`",
            )
