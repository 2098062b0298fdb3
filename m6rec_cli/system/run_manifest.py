"""`run.json` of a finished run directory to `RunManifest`, and back."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from m6rec_cli.system.directories import read_json, write_json
from m6rec_cli.system.errors import M6RecError, missing_path_hint
from m6rec_cli.system.locks import wait_for_replacement
from m6rec_cli.system.output_checks import MANIFESTS

RUN = "run.json"
REFIT = "refit"
"""The stage of a run that has learned validation events."""
CONFIG = "config.toml"
FORMAT = 8
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
class TrainingCost:
    """Size, speed and memory of a training run; None for what could not be measured.

    Attributes:
        parameters: Number of the model's parameters.
        trainable_share: The share of them that training changes.
        events_per_second: Target events, without the first dispatch, which compiles.
        step_flops: Floating-point operations in the matrix products of one step.
        flop_utilisation: Share of the devices' peak.
        peak_device_bytes: Largest peak of this process's devices.
        devices: Number and layout.
    """

    parameters: int
    trainable_share: float
    events_per_second: float | None
    median_step_seconds: float | None
    compile_seconds: float
    step_flops: float | None
    flops_per_second: float | None
    flop_utilisation: float | None
    peak_host_bytes: int
    peak_device_bytes: int | None = None
    devices: str
    processes: int


@dataclass(frozen=True, kw_only=True)
class RunManifest:
    """The facts about a finished run that its other files do not hold.

    Attributes:
        stage: `pretrain`, `finetune`, or `refit` of a pre-trained run.
        out: The run directory, as named by the user.
        data: The data directories.
        data_fingerprints: Their fingerprints, in the same order.
        parent: The run that fine-tuning started from, or whose training was repeated.
        steps: Optimizer steps done.
        epochs: Epochs done.
        repeats: Share of repeats among the held-out targets of the data, which decides whether
            lists leave out seen items.
        versions: Of m6rec, Python and the libraries.
        created: When training ended, see `Provenance`; None if an older version wrote it.
        command: The command line.
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

    def to_json(self) -> dict[str, object]:
        """The object that `run.json` holds, which is also the summary of the command."""
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
        }


def write_run(folder: Path, manifest: RunManifest) -> None:
    """Write `run.json`, the last file of a run directory."""
    write_json(folder / RUN, manifest.to_json())


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
    tree = read_json(path, "the run's manifest")
    found = tree.get("format") if isinstance(tree, dict) else None
    if found != FORMAT:
        raise M6RecError(
            f"the run has format {found}, this version reads {FORMAT}",
            where=str(path),
            hint="train again with this version, or use the one that wrote it "
            "(`versions` in the file)",
        )
    try:
        return _from_json(tree)
    except (AttributeError, KeyError, TypeError) as error:
        reason = f"no key {error}" if isinstance(error, KeyError) else str(error)
        raise M6RecError(
            f"the run's manifest is damaged: {reason}",
            where=str(path),
            hint="restore the run directory from a copy, or train again",
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
    )
