"""Run directories of `m6rec pretrain` and `m6rec finetune`."""

import tomllib
from pathlib import Path

from m6rec_cli.inspection import lineage
from m6rec_cli.inspection.description import Description, Figure, Table
from m6rec_cli.inspection.json_files import (
    Tree,
    number,
    objects,
    read_lines,
    read_object,
    table,
    text,
    texts,
    whole,
)
from m6rec_cli.inspection.kinds._base import listed_files
from m6rec_cli.inspection.verification import RecordedDigests
from m6rec_cli.system.output_checks import kind_of
from m6rec_cli.system.run_manifest import CONFIG, RUN

METRICS = "metrics.jsonl"
ORIGIN = "origin.json"
_WORDS = {
    "pretrain": "a pre-trained run",
    "refit": "a pre-trained run, trained again with the validation events",
    "finetune": "a fine-tuned run",
}
_SHOWN = ("loss", "rec_loss", "gen_loss", "discriminator_loss", "ndcg@10", "recall@10", "seconds")
"""Columns of the table of epochs."""


def recognises(path: Path) -> bool:
    """Whether it is a run directory, finished or not."""
    return kind_of(path) == "run"


def describe(path: Path, *, verify: bool) -> Description:
    """Describe a run by its manifest, its configuration and its log of epochs."""
    is_complete = (path / RUN).exists()
    run = read_object(path / RUN) if is_complete else {}
    origin = read_object(path / ORIGIN) if (path / ORIGIN).exists() else {}
    stage = text(run, "stage") or text(origin, "stage") or "?"
    epochs = read_lines(path / METRICS)
    model = table(run, "model")
    features = [text(f, "name") for f in objects(model, "features")]
    return Description(
        kind="run",
        path=str(path),
        what=_WORDS.get(stage, "a run"),
        complete=is_complete,
        created=text(run, "created"),
        command=text(run, "command"),
        version=text(table(run, "versions"), "m6rec"),
        format=whole(run, "format"),
        figures=_figures(run, stage, epochs),
        columns=("stage", "ndcg@10", "best epoch", "epochs", "items", "seconds"),
        inputs=lineage.run_inputs(run, origin, path, verify=verify),
        tables=(_epochs_table(run, epochs),),
        details={
            "stage": stage,
            "config": _configuration(path),
            "epochs": epochs,
            "features": features,
            "data_fingerprints": texts(run or origin, "data_fingerprints"),
            "versions": table(run, "versions"),
        },
    )


def recorded_digests(path: Path) -> RecordedDigests:
    """The digests of the seals of all steps, and those that the manifest lists."""
    files: dict[Path, str] = {}
    seals = sorted((path / "steps").glob("*.json"))
    manifests = [p for p in (path / RUN, path / ORIGIN) if p.exists()]
    if (path / RUN).exists():
        files |= listed_files(path, read_object(path / RUN))
    for seal in seals:
        sealed = table(read_object(seal), "sha256")
        files |= {seal.with_suffix("") / name: str(digest) for name, digest in sealed.items()}
    return RecordedDigests(files=files, manifests=(*manifests, *seals))


def _figures(run: Tree, stage: str, epochs: list[Tree]) -> dict[str, Figure]:
    """The figures of the best epoch; of the last one if the run has not finished."""
    best = table(run, "best")
    number_of_best = whole(best, "epoch")
    at_best = next((e for e in epochs if e.get("epoch") == number_of_best), {})
    if not run and epochs:
        at_best = epochs[-1]
    found: dict[str, Figure] = {
        "stage": stage,
        "ndcg@10": number(best, "ndcg@10") if run else number(at_best, "ndcg@10"),
        "recall@10": number(at_best, "recall@10"),
        "loss": number(at_best, "loss"),
        "best epoch": number_of_best,
        "epochs": whole(run, "epochs") if run else whole(at_best, "epoch"),
        "steps": whole(run, "steps") if run else whole(at_best, "step"),
        "parameters": whole(run, "parameters"),
        "items": whole(table(run, "model"), "items"),
        "seconds": number(run, "seconds"),
        "events per second": number(run, "events_per_second"),
        "peak host bytes": whole(run, "peak_host_bytes"),
        "peak device bytes": whole(run, "peak_device_bytes"),
        "devices": text(run, "devices"),
    }
    return {name: value for name, value in found.items() if value is not None}


def _epochs_table(run: Tree, epochs: list[Tree]) -> Table:
    best = whole(table(run, "best"), "epoch")
    known = [name for name in _SHOWN if any(name in epoch for epoch in epochs)]
    if "loss" in known and all(epoch.get("loss") == epoch.get("rec_loss") for epoch in epochs):
        known = [name for name in known if name != "rec_loss"]
    return Table(
        title="epochs, with the figures of the model alone on validation events",
        columns=("epoch", *known, ""),
        rows=[
            [epoch.get("epoch"), *(epoch.get(name) for name in known), _mark(epoch, best)]
            for epoch in epochs
        ],
    )


def _mark(epoch: Tree, best: int | None) -> str:
    return "best" if best is not None and epoch.get("epoch") == best else ""


def _configuration(path: Path) -> Tree:
    """The keys of `config.toml` by section; empty if the file is missing or damaged."""
    try:
        return tomllib.loads((path / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
