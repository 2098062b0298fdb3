"""A finished run, read back: the model as it was judged, its encoded catalogue and its settings."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from flax import nnx
from scipy import sparse

from m6rec_cli.config import resolve as configuration
from m6rec_cli.config.settings import Config, RecommendConfig
from m6rec_cli.data.store import Dataset, read_specs
from m6rec_cli.item_graphs import content_similarity, cooccurrence
from m6rec_cli.model.recommender import M6Rec, ModelSpec
from m6rec_cli.preprocessing import schema_file
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.system.checkpoints import (
    CONFIG,
    RUN,
    StepCheckpoints,
    check_shapes,
    named,
    open_run,
    unnamed,
)
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.feature_spec import Entity
from m6rec_cli.system.progress import Reporter

_HINT = "restore the run directory from a copy, or train again"


@dataclass(frozen=True)
class LoadedRun:
    """A run that can answer.

    Attributes:
        config: The run's configuration.
        model: With the best step's parameters.
        embeddings: f32 (i, d), the catalogue as the model sees it.
        bias: f32 (i,), what is added to the logits: see `over.weighed`.
        neighbours: f32 (i, i), what stood near each item in the training histories.
        alike: f32 (i, i), what each item is alike to, by column; see `alike.graph`.
        content: Reads what the items are made of: see `alike.counts`.
        items: `row`, `id`, `display`, `popularity` and the categories of the catalogue.
        id_rows: i64 (i,), each item's row in the model's table of id embeddings, -1 for one that has none.
        specs: The features that the model reads.
        event_kinds: Names by code.
        schema: The columns by which raw files are read as the training data were.
        digest: Of what a decoder's state depends on besides the events: configuration, manifest, parameters.
    """

    path: Path
    config: Config
    manifest: dict[str, Any]
    model: M6Rec
    embeddings: jax.Array
    bias: jax.Array
    cooccurrence: sparse.csr_array
    content_similarity: sparse.csr_array
    content: Callable[[], list[sparse.csr_array]]
    items: pl.DataFrame
    id_rows: np.ndarray
    specs: ModelSpec
    event_kinds: list[str]
    schema: Schema
    digest: str

    @property
    def has_time(self) -> bool:
        """Whether the model was trained on real times."""
        return self.manifest["model"]["has_time"]


def load(path: Path) -> LoadedRun:
    """Read a finished run.

    Raises:
        M6RecError: It is missing, unfinished, damaged or of another format.
    """
    manifest = open_run(path)
    digest = _digest(path, manifest["best"]["step"])
    config = configuration.resolve(file=path / CONFIG)
    used = {(f["entity"], f["name"]) for f in manifest["model"]["features"]}
    specs = [s for s in read_specs(path / "features") if (s.entity, s.name) in used]
    items = _read(path / "catalogue" / "items.parquet", pl.read_parquet)
    size = ModelSpec(
        n_items=len(items),
        n_events=len(manifest["model"]["events"]),
        item_specs=tuple(s for s in specs if s.entity == "item"),
        user_specs=tuple(s for s in specs if s.entity == "user"),
    )
    # Shapes alone: nothing is drawn, since every parameter is read.
    model = nnx.eval_shape(lambda: M6Rec(config.model, size, rngs=nnx.Rngs(0)))
    steps, best = StepCheckpoints(path / "steps"), manifest["best"]["step"]
    arrays = steps.read(best, "params")
    _, variables = nnx.split(model)
    check_shapes(steps.folder / str(best), named(variables), arrays)
    nnx.update(model, unnamed(variables, {k: jax.device_put(v) for k, v in arrays.items()}))
    embeddings = _read(path / "catalogue" / "embeddings.npy", np.load)
    if embeddings.shape != (len(items), config.model.width):
        raise M6RecError(
            f"a file of the run is of another run: its shape is {embeddings.shape}, not {(len(items), config.model.width)}",
            where=str(path / "catalogue" / "embeddings.npy"),
            hint=_HINT,
        )
    near, like = (
        _graph(path / "catalogue" / f"{name}.npz", len(items)) for name in ("neighbours", "alike")
    )
    warm = items["popularity"].to_numpy() > 0
    schema = schema_file.read(path / "features" / schema_file.FILE)
    if digest != _digest(path, open_run(path)["best"]["step"]):
        return load(path)  # another run has taken its place meanwhile
    return LoadedRun(
        path,
        config,
        manifest,
        model,
        jax.device_put(embeddings),
        jnp.zeros(len(items)),
        near,
        like,
        lambda: _read(
            path / "catalogue" / "content.npz",
            lambda file: content_similarity.load(file, size.item_specs, len(items)),
        ),
        items,
        np.where(warm, np.arange(len(items)), -1),
        size,
        manifest["model"]["events"],
        schema,
        digest,
    )


def _digest(path: Path, step: int) -> str:
    total = hashlib.sha256()
    # The seal of a step holds the digests of all its files.
    for name in (CONFIG, RUN, f"steps/{step}.json"):
        total.update(_read(path / name, Path.read_bytes))
    return total.hexdigest()


def warn_of_chance(run: LoadedRun, config: RecommendConfig, report: Reporter) -> None:
    """Say that what the adversary teaches was asked for, if the run had none."""
    if (config.noise_draws > 1 or config.discriminator_weight > 0) and run.config.train.alpha == 1:
        report.warn(
            "`recommend.noise_draws` and `recommend.discriminator_weight` rest on the adversary, and the run was trained without one "
            "(`train.alpha=1`): noise and judge are as they were drawn by chance, unless its parent had one"
        )


def require_features(run: LoadedRun, data: Dataset, entity: Entity) -> None:
    """Raise unless the features that the model reads were fitted in the data as in the run.

    Raises:
        M6RecError: One of them is missing or was fitted anew.
    """
    known = {(s.entity, s.name): s for s in data.specs}
    for spec in run.specs.item_specs if entity == "item" else run.specs.user_specs:
        found = known.get((spec.entity, spec.name))
        if found != spec:
            what = (
                f"the {entity}s of the data have no feature `{spec.name}`, which the model reads"
                if found is None
                else f"the {entity} feature `{spec.name}` was not fitted as in the run"
            )
            raise M6RecError(
                what,
                where=str(data.path),
                hint=f"make the data with `m6rec preprocess --like {run.path}`",
            )


def _graph(path: Path, n_items: int) -> sparse.csr_array:
    graph: sparse.csr_array = _read(path, cooccurrence.load)
    if graph.shape != (n_items, n_items):
        raise M6RecError(
            f"a file of the run is of another run: its shape is {graph.shape}, not {(n_items, n_items)}",
            where=str(path),
            hint=_HINT,
        )
    return graph


def _read(path: Path, reader: Any) -> Any:
    try:
        return reader(path)
    except FileNotFoundError:
        raise M6RecError("a file of the run is missing", where=str(path), hint=_HINT) from None
    except (ValueError, EOFError, OSError, pl.exceptions.PolarsError) as error:
        raise M6RecError(
            f"a file of the run is damaged: {error}", where=str(path), hint=_HINT
        ) from None
