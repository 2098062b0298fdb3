"""`run.json` of a finished run directory to `RunManifest`, and back."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from m6rec_cli.system import digests
from m6rec_cli.system.errors import M6RecError, missing_path_hint
from m6rec_cli.system.locks import wait_for_replacement
from m6rec_cli.system.output_checks import MANIFESTS
from m6rec_cli.system.sealed_files import FILES, SealedDirectory, read_sealed, write_sealed
from m6rec_cli.system.training_cost import TrainingCost

RUN = "run.json"
REFIT = "refit"
"""The stage of a run that has learned validation events."""
CONFIG = "config.toml"
ORIGIN = "origin.json"
METRICS = "metrics.jsonl"
_FOLDERS = ("features", "catalogue")
_HINT = "restore the run directory from a copy, or train again"
FORMAT = 10
"""Of a run directory: `run.json`, the checkpoints under `steps/` and their seals."""


@dataclass(frozen=True, kw_only=True)
class BestStep:
    """The checkpoint that the run serves: the best in validation, or else the last.

    Attributes:
        ndcg: Validation NDCG@10, `ndcg@10` in the file; None without validation.
    """

    step: int
    epoch: int
    ndcg: float | None = None

    def to_json(self) -> dict[str, object]:
        """A JSON object, without `ndcg@10` if there was no validation."""
        figure = {} if self.ndcg is None else {"ndcg@10": self.ndcg}
        return {"step": self.step, "epoch": self.epoch, **figure}


@dataclass(frozen=True, kw_only=True)
class ModelFeature:
    """A feature that the model reads."""

    entity: str
    name: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class ModelInputs:
    """The data that the model was trained to read.

    Attributes:
        items: Number of items in the catalogue.
        event_kinds: Names of the event kinds; the position is the code.
        has_time: Whether timestamps were times and not just an order.
        features: Item features, then user features, each in the order of the towers.
    """

    items: int
    event_kinds: tuple[str, ...]
    has_time: bool
    features: tuple[ModelFeature, ...]

    def to_json(self) -> dict[str, object]:
        """A JSON object."""
        return {
            "items": self.items,
            "event_kinds": list(self.event_kinds),
            "has_time": self.has_time,
            "features": [asdict(feature) for feature in self.features],
        }


@dataclass(frozen=True, kw_only=True)
class RunManifest:
    """The facts about a finished run that its other files do not hold.

    Attributes:
        stage: `pretrain`, `finetune`, or `refit` of a pre-trained run.
        out: The run directory, as named by the user.
        data: The data directories.
        data_fingerprints: Their fingerprints, in the same order.
        inputs: The raw files behind the data, as their manifests record them.
        parent: The run that fine-tuning started from, or whose training was repeated.
        steps: Optimizer steps done.
        epochs: Epochs done.
        repeats: Share of repeats among the held-out targets of the data, which decides whether
            lists leave out seen items.
        versions: Of m6rec, Python and the libraries.
        created: When training ended, see `Provenance`.
        command: The command line.
        files: SHA-256 of the files that readers of the run take, by path; the seal of the best
            step stands for the files of its checkpoint.
        seal: The digest of the manifest itself; empty before it is written.
    """

    stage: str
    out: str
    data: tuple[str, ...]
    data_fingerprints: tuple[str, ...]
    parent: str | None
    best: BestStep
    steps: int
    epochs: int
    repeats: float
    seconds: float
    cost: TrainingCost
    model: ModelInputs
    versions: Mapping[str, str]
    created: str | None = None
    command: str | None = None
    inputs: tuple[Mapping[str, object], ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    seal: str = field(default="", compare=False)

    def directory(self, path: Path) -> SealedDirectory:
        """The directory that the manifest was read from."""
        return SealedDirectory(
            path=path, manifest=RUN, files=self.files, seal=self.seal, what="run", hint=_HINT
        )

    def to_json(self) -> dict[str, object]:
        """The facts that `run.json` holds, without the digests: the summary of the command."""
        cost = asdict(self.cost)
        if self.cost.peak_device_bytes is None:  # jax does not report it on CPU
            del cost["peak_device_bytes"]
        return {
            "format": FORMAT,
            "stage": self.stage,
            "out": self.out,
            "data": list(self.data),
            "data_fingerprints": list(self.data_fingerprints),
            "parent": self.parent,
            "best": self.best.to_json(),
            "steps": self.steps,
            "epochs": self.epochs,
            "repeats": self.repeats,
            "seconds": self.seconds,
            **cost,
            "model": self.model.to_json(),
            "versions": dict(self.versions),
            "created": self.created,
            "command": self.command,
            "inputs": [dict(file) for file in self.inputs],
        }


def write_run(folder: Path, manifest: RunManifest) -> RunManifest:
    """Write `run.json`, the last file of a run directory, with the digests of the others."""
    best = f"steps/{manifest.best.step}.json"
    paths = [folder / name for name in (CONFIG, ORIGIN, best)]
    paths += sorted(p for name in _FOLDERS for p in (folder / name).rglob("*") if p.is_file())
    files = {p.relative_to(folder).as_posix(): digests.of_file(p) for p in paths if p.exists()}
    manifest = replace(manifest, files=files)
    seal = write_sealed(folder / RUN, {**manifest.to_json(), FILES: files})
    return replace(manifest, seal=seal)


def read_run(folder: Path) -> RunManifest:
    """Read `run.json` of a finished run.

    Raises:
        M6RecError: The directory is missing, is no run, or its training did not finish; or the
            manifest is damaged or of another format.
    """
    wait_for_replacement(folder)
    path = folder / RUN
    if not path.exists():
        raise _no_run(folder)
    tree = read_sealed(
        path,
        "the run's manifest",
        owner="the run",
        version=FORMAT,
        old_hint="train again with this version, or use the one that wrote it "
        "(`versions` in the file)",
        hint=_HINT,
    )
    try:
        return _from_json(tree)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        reason = f"no key {error}" if isinstance(error, KeyError) else str(error)
        raise M6RecError(
            f"the run's manifest is damaged: {reason}",
            where=str(path),
            hint=_HINT,
        ) from None


def _no_run(folder: Path) -> M6RecError:
    if not folder.exists():
        return M6RecError(
            "the run directory does not exist",
            where=str(folder),
            hint=missing_path_hint(folder) or "make it with `m6rec pretrain`",
        )
    if (folder / CONFIG).exists():
        return M6RecError(
            "the run has not finished",
            where=str(folder / RUN),
            hint="continue with the same command and `--resume`",
        )
    is_data = (folder / MANIFESTS[0]).exists()
    return M6RecError(
        "a data directory is given where a run directory is wanted"
        if is_data
        else "this is not a run directory",
        where=str(folder),
        hint="name the `--out` of `m6rec pretrain` or `m6rec finetune`",
    )


def _from_json(tree: dict[str, Any]) -> RunManifest:  # Any: decoded JSON
    best, model = tree["best"], tree["model"]
    costs = {f.name for f in fields(TrainingCost)}
    if "peak_device_bytes" not in tree:
        costs.remove("peak_device_bytes")
    return RunManifest(
        stage=tree["stage"],
        out=tree["out"],
        data=tuple(tree["data"]),
        data_fingerprints=tuple(tree["data_fingerprints"]),
        parent=tree["parent"],
        best=BestStep(step=best["step"], epoch=best["epoch"], ndcg=best.get("ndcg@10")),
        steps=tree["steps"],
        epochs=tree["epochs"],
        repeats=tree["repeats"],
        seconds=tree["seconds"],
        cost=TrainingCost(**{name: tree[name] for name in costs}),
        model=ModelInputs(
            items=model["items"],
            event_kinds=tuple(model["event_kinds"]),
            has_time=model["has_time"],
            features=tuple(ModelFeature(**feature) for feature in model["features"]),
        ),
        versions=tree["versions"],
        created=tree.get("created"),
        command=tree.get("command"),
        inputs=tuple(dict(file) for file in tree.get("inputs", ())),
        files=dict(tree["files"]),
        seal=tree["seal"],
    )
