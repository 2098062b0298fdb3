"""What the benchmarks share: the real commands, their settings, and tables.

Every benchmark is a chain of commands that a reader could type. DATA_ROOT has one folder per data
set with `interactions.csv`, `items.csv` and, for MovieLens, `users.csv` and `posters/`. Outputs in
OUT are reused: runs are resumed, data directories are kept.
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_AMAZON = [
    "model.max_history=50",
    "model.modality_dropout=0",
    "train.loss.first_event=0",
    "train.clip_norm=0",
]

SETTINGS: dict[str, list[str]] = {
    "beauty": [*_AMAZON, "model.dropout=0.35", "train.epochs=20"],
    "ml-100k": ["model.encoder.refresh_rows=768", "train.epochs=20"],
    "office": [*_AMAZON, "model.dropout=0.25", 'model.exclude=["description"]'],
}
"""Settings that differ from the defaults, tuned on validation."""


MODEL_ALONE = "recommend.ranking=model"
"""Evaluates the model without the item graphs, for ablations of its parts."""


def m6rec(*args: object) -> dict[str, Any]:
    """Run a command and return its summary; progress goes to stderr."""
    command = [shutil.which("m6rec") or "m6rec", *map(str, args)]
    print("$ m6rec " + " ".join(map(str, args)), file=sys.stderr, flush=True)
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


@dataclass(frozen=True)
class Cost:
    """The cost of a process and its children; the peak is that of memory."""

    seconds: float
    cpu_seconds: float
    peak_mib: float


def measured(command: Iterable[object], **environment: str) -> Cost:
    """Run a command without its output and return its cost."""
    start = time.monotonic()
    words = list(map(str, command))
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, env=os.environ | environment)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"`{' '.join(words[:3])}` failed")
    return Cost(time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def sets(values: Iterable[str]) -> list[str]:
    """A `--set` flag for each value."""
    return [part for value in values for part in ("--set", value)]


def raw(root: Path, name: str, *, events: Path | None = None) -> list[object]:
    """The flags that name a data set's tables, optionally with another event log."""
    folder = root / name
    users = ["--users", folder / "users.csv"] if (folder / "users.csv").exists() else []
    return [
        "--interactions",
        events or folder / "interactions.csv",
        "--items",
        folder / "items.csv",
        *users,
    ]


def prepared(out: Path, flags: Sequence[object], *settings: str) -> Path:
    """Preprocess unless the data directory exists; return it."""
    if not (out / "manifest.json").exists():
        m6rec("preprocess", *flags, *sets(settings), "--out", out, "--quiet")
    return out


def trained(
    stage: str, data: Path | Sequence[Path], out: Path, settings: Iterable[str], *flags: object
) -> Path:
    """Train or resume a run; return its directory."""
    where = [data] if isinstance(data, Path) else data
    m6rec(stage, *where, *flags, *sets(settings), "--out", out, "--resume", "--quiet")
    return out


def evaluated(
    systems: Sequence[object], data: Path, *flags: object, k: int = 10
) -> dict[str, dict[str, Any]]:
    """Each system's masked NDCG and recall at `k`, the interval of NDCG, and all figures as `all`.

    `p` is the p-value of the paired test of NDCG against the system of `--against`, if given; runs
    that differ in their seed alone are tested as their mean over seeds.
    """
    if "--baselines" not in flags:
        flags = (*flags, "--baselines", "none")
    report = m6rec("evaluate", *systems, "--data", data, *flags, "--quiet")
    tests = {pair["a"]: pair["metrics"][f"ndcg@{k}"]["p_value"] for pair in report["comparisons"]}
    for group in report.get("seeds", ()):
        tests |= dict.fromkeys(group["runs"], tests.get(group["name"]))
    found = {}
    for name, system in report["systems"].items():
        found[name] = {
            "ndcg": system["masked"][f"ndcg@{k}"],
            "recall": system["masked"][f"recall@{k}"],
            "interval": system["intervals"].get(f"ndcg@{k}"),
            "users": report["users"],
            "p": tests.get(name),
            "all": system,
        }
    return found


def table(title: str, rows: dict[str, dict[str, Any]], columns: Sequence[str]) -> None:
    """Print named rows; floats with four decimals, missing values as a dash."""
    print(f"\n{title}\n{'':44}" + "".join(f"{name:>22}" for name in columns))
    for label, row in rows.items():
        cells = (row.get(name) for name in columns)
        print(f"{label:44}" + "".join(f"{_cell(cell):>22}" for cell in cells))


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def save(out: Path, name: str, report: Any) -> None:
    """Write `OUT/NAME.json`, without `all`."""
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.json").write_text(json.dumps(_short(report), indent=2) + "\n", encoding="utf-8")


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _short(v) for k, v in value.items() if k != "all"}
    return [_short(v) for v in value] if isinstance(value, list) else value


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Write a CSV file; the first row decides the columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(rows)
    return path


def arguments(doc: str | None, **defaults: str) -> argparse.Namespace:
    """Parse DATA_ROOT, OUT, `--extra`, and a flag for each default."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--extra", action="append", default=[], metavar="KEY=VALUE")
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", default=default)
    return parser.parse_args()
