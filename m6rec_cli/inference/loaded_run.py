"""A finished run directory to a model with its catalogue, ready to rank items."""

from dataclasses import dataclass
from pathlib import Path

import jax
from flax import nnx

from m6rec_cli.config import resolve as configuration
from m6rec_cli.config.settings import Config
from m6rec_cli.data.feature_arrays import read_specs
from m6rec_cli.data.store import Dataset
from m6rec_cli.inference import run_catalogue
from m6rec_cli.inference.run_catalogue import Catalogue
from m6rec_cli.model.recommender import M6Rec, ModelSpec
from m6rec_cli.preprocessing import schema_file
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.system.checkpoints import (
    StepCheckpoints,
    check_shapes,
    flatten_by_name,
    unflatten_by_name,
)
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.feature_spec import Entity
from m6rec_cli.system.run_manifest import CONFIG, RunManifest, read_run
from m6rec_cli.system.sealed_files import ReplacedError, SealedDirectory


@dataclass(frozen=True, kw_only=True)
class LoadedRun:
    """A run that can rank items.

    Attributes:
        files: Reads the files of the run, each checked against the manifest.
        config: The configuration that the run was trained with.
        manifest: `run.json`.
        model: Holds the parameters of the best step.
        spec: The features that the model reads.
        schema: The columns of the training files; raw files are read by it.
        catalogue: The items to rank.
        digest: SHA-256 of the manifest, which holds those of configuration and parameters. Decoder
            states are valid only for a run with the same digest.
    """

    files: SealedDirectory
    config: Config
    manifest: RunManifest
    model: M6Rec
    spec: ModelSpec
    schema: Schema
    catalogue: Catalogue
    digest: str

    @property
    def path(self) -> Path:
        """The run directory."""
        return self.files.path

    @property
    def has_time(self) -> bool:
        """Whether the model was trained on real times."""
        return self.manifest.model.has_time

    @property
    def event_kinds(self) -> tuple[str, ...]:
        """Names of the event kinds by code."""
        return self.manifest.model.event_kinds


def load(path: Path) -> LoadedRun:
    """Read a finished run.

    Raises:
        M6RecError: The run is missing, unfinished, damaged or of another format.
    """
    try:
        return _load(path)
    except ReplacedError:
        return load(path)  # another run took its place in the meantime


def _load(path: Path) -> LoadedRun:
    manifest = read_run(path)
    files = manifest.directory(path)
    step = manifest.best.step
    files.check(CONFIG, f"steps/{step}.json", *files.names("features"))
    config = configuration.resolve(file=path / CONFIG)
    used = {(f.entity, f.name) for f in manifest.model.features}
    specs = [s for s in read_specs(files) if (s.entity, s.name) in used]
    items = run_catalogue.read_items(files)
    spec = ModelSpec(
        n_items=len(items),
        n_events=len(manifest.model.event_kinds),
        item_specs=tuple(s for s in specs if s.entity == "item"),
        user_specs=tuple(s for s in specs if s.entity == "user"),
    )
    model = _read_model(path, step, config, spec)
    catalogue = run_catalogue.read_catalogue(files, items, spec, config.model.width)
    schema = schema_file.read(path / "features" / schema_file.FILE)
    files.require_unchanged()
    return LoadedRun(
        files=files,
        config=config,
        manifest=manifest,
        model=model,
        spec=spec,
        schema=schema,
        catalogue=catalogue,
        digest=manifest.seal,
    )


def require_features(run: LoadedRun, data: Dataset, entity: Entity) -> None:
    """Check that the data directory has the features that the model reads, fitted as in the run.

    Raises:
        M6RecError: A feature is missing or was fitted anew.
    """
    known = {(s.entity, s.name): s for s in data.specs}
    for spec in run.spec.item_specs if entity == "item" else run.spec.user_specs:
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


def _read_model(path: Path, step: int, config: Config, spec: ModelSpec) -> M6Rec:
    """The model with the parameters of a step."""
    # Only the shapes: every parameter is read, so none is initialised.
    model = nnx.eval_shape(lambda: M6Rec(config.model, spec, rngs=nnx.Rngs(0)))
    steps = StepCheckpoints(path / "steps")
    arrays = steps.read_tree(step, "params")
    _, variables = nnx.split(model)
    check_shapes(steps.folder / str(step), flatten_by_name(variables), arrays)
    nnx.update(
        model, unflatten_by_name(variables, {k: jax.device_put(v) for k, v in arrays.items()})
    )
    return model
