"""Runs to their training curves: loss and validation NDCG@10 of each epoch."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from m6rec_cli.inspection.lineage import locate
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.run_manifest import METRICS, RunManifest, read_run
from m6rec_cli.training.run_origin import RunOrigin


@dataclass(frozen=True, kw_only=True)
class TrainingCurve:
    """The epochs of a run.

    Attributes:
        run: Its name on the command line; of a parent, the name of the run that came from it.
        parent: The recorded path of the run that was trained before; None for the run itself.
        stage: `pretrain`, `finetune` or `refit`.
        best_epoch: The epoch that the run serves.
        seconds: Of the whole training.
        epochs: Epochs with a line in `metrics.jsonl`; 0 is the model before training.
        loss: Training loss, None at epoch 0.
        ndcg: Validation NDCG@10 of the model alone; None without validation.
    """

    run: str
    parent: str | None
    stage: str
    best_epoch: int
    seconds: float
    epochs: list[int]
    loss: list[float | None]
    ndcg: list[float | None]


def read_curves(names: Sequence[str]) -> list[TrainingCurve]:
    """The curves of runs, before each that of its parent if it is there and not among the runs.

    Raises:
        M6RecError: A run is not complete.
    """
    runs = {name: read_run(Path(name)) for name in names}
    seals = {manifest.seal for manifest in runs.values()}
    curves = []
    for name, manifest in runs.items():
        curves.append(_read_parent(name, Path(name), manifest, seals))
        curves.append(_read(name, None, Path(name), manifest))
    return [curve for curve in curves if curve]


def _read_parent(
    name: str, path: Path, manifest: RunManifest, seals: Collection[str]
) -> TrainingCurve | None:
    """The curve of the parent of a fine-tuned run, looked for where it was and beside the run.

    Args:
        seals: Parents with such a seal have a curve of their own.

    Returns:
        None also if there is nothing, or another run.
    """
    if manifest.parent is None or manifest.stage != "finetune":
        return None
    recorded = RunOrigin.read(path).parent or {}
    found = locate(manifest.parent, path)
    if found is None:
        return None
    try:
        parent = read_run(found)
    except M6RecError:  # What lies there is no finished run of this version.
        return None
    if parent.seal != recorded.get("seal") or parent.seal in seals:
        return None
    return _read(name, manifest.parent, found, parent)


def _read(name: str, parent: str | None, path: Path, manifest: RunManifest) -> TrainingCurve | None:
    """The lines of `metrics.jsonl`; None if it was removed or holds something else."""
    try:
        text = (path / METRICS).read_text(encoding="utf-8")
        lines = [json.loads(line) for line in text.splitlines()]
        return TrainingCurve(
            run=name,
            parent=parent,
            stage=manifest.stage,
            best_epoch=manifest.best.epoch,
            seconds=manifest.seconds,
            epochs=[int(line["epoch"]) for line in lines],
            loss=[_number(line.get("loss")) for line in lines],
            ndcg=[_number(line.get("ndcg@10")) for line in lines],
        )
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
