"""Small outputs of each kind, written without training or evaluating."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from m6rec_cli.config import resolve as configuration
from m6rec_cli.config.toml_text import to_toml
from m6rec_cli.data.manifest import InputFile, read_manifest, write_manifest
from m6rec_cli.system import digests
from m6rec_cli.system.directories import write_json
from m6rec_cli.system.run_manifest import FORMAT, BestStep, read_run, write_run
from m6rec_cli.system.sealed_files import write_sealed
from m6rec_cli.training.run_origin import RunOrigin
from tests import worlds
from tests.manifests import run_manifest

COMMAND = "m6rec preprocess --interactions events.csv --out data"
CREATED = "2026-01-02T03:04:05Z"


def write_data_directory(folder: Path) -> Path:
    """`data`, made from `events.csv` beside it."""
    events = folder / "events.csv"
    events.write_text("user_id,item_id\na,b\n")
    worlds.planted_cycle(folder / "data", n_users=12)
    raw = InputFile(
        role="interactions",
        path="events.csv",
        bytes=events.stat().st_size,
        sha256=digests.of_file(events),
    )
    manifest = read_manifest(folder / "data")
    manifest = replace(manifest, inputs=[raw], created=CREATED, command=COMMAND)
    fingerprint = digests.of_listing(manifest.files)
    write_manifest(folder / "data", replace(manifest, fingerprints=(fingerprint,)))
    return folder / "data"


def write_run_directory(
    path: Path,
    *sets: str,
    data: Path | None = None,
    parent: Path | None = None,
    ndcg: float = 0.25,
    **changes: Any,
) -> Path:
    """A finished run with one sealed file; `data` and `parent` lie beside it."""
    (path / "steps" / "4").mkdir(parents=True)
    (path / "steps" / "4" / "params").write_text("parameters")
    sealed = {"params": digests.of_file(path / "steps" / "4" / "params")}
    write_sealed(path / "steps" / "4.json", {"format": FORMAT, "step": 4, "sha256": sealed})
    (path / "config.toml").write_text(to_toml(configuration.resolve("pretrain", sets=sets)))
    fingerprints = read_manifest(data).fingerprints if data is not None else ("a1",)
    facts = None
    if parent is not None:
        run = read_run(parent)
        facts = {
            "data_fingerprints": list(run.data_fingerprints),
            "best": run.best.to_json(),
            "steps": run.steps,
        }
    RunOrigin(stage="pretrain", data_fingerprints=fingerprints, parent=facts).write(path)
    epochs = [
        {"step": 2 * n, "epoch": n, "loss": 3.0 - n, "rec_loss": 3.0 - n, "ndcg@10": ndcg / (3 - n)}
        for n in (1, 2)
    ]
    (path / "metrics.jsonl").write_text("".join(json.dumps(e) + "\n" for e in epochs))
    manifest = run_manifest(
        data=("data",),
        data_fingerprints=fingerprints,
        parent=None if parent is None else parent.name,
        best=BestStep(step=4, epoch=2, ndcg=ndcg),
        created=CREATED,
        command="m6rec pretrain data --out run",
        inputs=() if data is None else tuple(map(asdict, read_manifest(data).inputs)),
        **changes,
    )
    write_run(path, manifest)
    return path


def write_report(path: Path, values: dict[str, float], **changes: object) -> Path:
    """A report directory with the NDCG@10 of systems; the first two are compared."""
    path.mkdir()
    systems = {
        name: {
            "kind": "run" if (path.parent / name).exists() else "baseline",
            "masked": {"ndcg@10": value, "recall@10": 2 * value, "coverage@10": 1.0},
            "unmasked": {"ndcg@10": 0.0, "recall@10": 0.0, "coverage@10": 1.0},
            "intervals": {"ndcg@10": [value - 0.1, value + 0.1]},
        }
        for name, value in values.items()
    }
    a, b = list(values)[:2]
    test = {"difference": values[a] - values[b], "interval": [0.1, 0.3], "p_adjusted": 0.01}
    report = {
        "data": "data",
        "split": "test",
        "protocol": "all",
        "users": 12,
        "targets": 12,
        "items": 12,
        "headline": "masked",
        "ks": [5, 10],
        "systems": systems,
        "comparisons": [{"a": a, "b": b, "metrics": {"ndcg@10": test}}],
        "version": "0.1.0",
        "created": CREATED,
        "command": "m6rec evaluate run --data data --out report",
        "manifest": {},
    }
    write_json(path / "report.json", report | changes)
    return path
