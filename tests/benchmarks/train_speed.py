"""Training speed against RecTools' SASRec and RecBole's GRU4Rec, on one core each.

    python tests/benchmarks/train_speed.py DATA_ROOT OUT [--sets beauty,ml-100k] [--epochs 6]
        [--until best|epochs]

All read the same log without each user's last event (test); each user's second last event is for
validation. m6rec and RecTools train until validation no longer improves; RecBole, which would take
hours, trains `--epochs` epochs, as m6rec on ids only does. With `--until epochs` all do, for rates
only. Rates are targets per CPU second, medians over all epochs but the first. Seconds to the best
model are those of training, without validation, up to the best epoch. `limit` is the rate that the
three products of contexts and catalogue (forward, and two in the gradient) allow in JAX on the same
core. Evaluation is the full ranking of the validation events, also on one core.
"""

import itertools
import json
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from _commands import SETTINGS, arguments, prepared, raw, rows_of, save, sets, table, write_rows
from _peers import environment, peer_output

ONE_CORE = ["taskset", "-c", "0"] if shutil.which("taskset") else []
RECTOOLS: dict[str, dict[str, Any]] = {
    "beauty": {"length": 10, "batch": 64, "lr": 2e-3, "dropout": 0.3, "epochs": 60, "patience": 3},
    "ml-100k": {
        "length": 100,
        "batch": 16,
        "lr": 2e-3,
        "dropout": 0.2,
        "epochs": 100,
        "patience": 10,
    },
}
RECBOLE: dict[str, dict[str, Any]] = {
    "beauty": {"length": 20, "batch": 256},
    "ml-100k": {"length": 50, "batch": 256},
}
LIMIT = """
import sys, time, jax, jax.numpy as jnp
n, items, width = 512, int(sys.argv[1]), 64
h = jax.random.normal(jax.random.key(0), (n, width))
w = jax.random.normal(jax.random.key(1), (items, width))
def three(h, w):
    s = h @ w.T
    return s @ w, s.T @ h
three = jax.jit(three)
jax.block_until_ready(three(h, w))
start = time.process_time()
for _ in range(20):
    jax.block_until_ready(three(h, w))
print(20 * n / (time.process_time() - start))
"""


def log_without_test(root: Path, name: str, out: Path) -> Path:
    """Each user's events but the last, by time with ties in file order: user_id, item_id, order."""
    rows = rows_of(root / name / "interactions.csv")
    when = "order" if "order" in rows[0] else "timestamp"
    users: dict[str, list[dict[str, str]]] = {}
    for row in sorted(rows, key=lambda row: float(row[when])):  # stable
        users.setdefault(row["user_id"], []).append(row)
    kept = [
        {"user_id": user, "item_id": row["item_id"], "order": place}
        for user, events in users.items()
        for place, row in enumerate(events[:-1])
    ]
    return write_rows(out / f"{name}.csv", kept)


def ours(data: Path, out: Path, settings: list[str]) -> dict[str, Any]:
    """The rate of a run, and its CPU seconds up to the best epoch."""
    command = ["m6rec", "pretrain", data, *sets(settings), "--out", out, "--overwrite", "--quiet"]
    done = subprocess.run([*ONE_CORE, *map(str, command)], stdout=subprocess.PIPE, check=True)
    run = json.loads(done.stdout)
    epochs = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return _row(
        [
            {
                "targets": e["targets"] * (e["step"] - before["step"]),
                "cpu": e["cpu_seconds"],
                "ndcg": e.get("ndcg@10"),
            }
            for before, e in itertools.pairwise(epochs)
        ],
        run["peak_host_bytes"] / 2**20,
    )


def evaluation(run: Path, data: Path, repeats: int = 5) -> float | None:
    """Users per second of `m6rec evaluate`, without start-up and, as for the peers, intervals.

    `None` for so few users that start-up hides them.
    """
    n = json.loads((data / "manifest.json").read_text())["counts"]["users"]
    if n < 5000:
        return None
    few = n // 4

    def seconds(users: int) -> float:
        command = [
            "m6rec",
            "evaluate",
            run,
            "--data",
            data,
            "--split",
            "valid",
            "--max-users",
            users,
            "--baselines",
            "none",
            "--quiet",
            *sets(["evaluate.bootstrap=0"]),
        ]
        start = time.monotonic()
        subprocess.run([*ONE_CORE, *map(str, command)], stdout=subprocess.DEVNULL, check=True)
        return time.monotonic() - start

    seconds(few), seconds(0)  # compile
    return statistics.median((n - few) / (seconds(0) - seconds(few)) for _ in range(repeats))


def _row(epochs: list[dict[str, Any]], peak: float | None = None) -> dict[str, Any]:
    rates = [e["targets"] / e["cpu"] for e in epochs[1:] or epochs]
    best = max(range(len(epochs)), key=lambda i: epochs[i].get("ndcg") or -1.0)
    has_ndcg = epochs[best].get("ndcg") is not None
    return {
        "targets/CPU-s": statistics.median(rates),
        "CPU-s an epoch": statistics.median(e["cpu"] for e in epochs[1:] or epochs),
        "CPU-s to the best": sum(e["cpu"] for e in epochs[: best + 1]) if has_ndcg else None,
        "best epoch": best + 1 if has_ndcg else None,
        "validation NDCG@10": epochs[best].get("ndcg"),
        "peak MiB": peak,
        "epochs": epochs,
    }


def main() -> None:
    args = arguments(__doc__, sets="beauty,ml-100k", epochs="6", until="best")
    if args.until not in ("best", "epochs"):
        raise SystemExit(f"--until {args.until}: it is `best` or `epochs`")
    few = args.until == "epochs"
    report: dict[str, Any] = {}
    for name in args.sets.split(","):
        out = args.out / name
        log = log_without_test(args.root, name, out)
        data = prepared(out / "data", raw(args.root, name))
        items = json.loads((data / "manifest.json").read_text())["counts"]["items"]
        rows: dict[str, dict[str, Any]] = {}
        limit = subprocess.run(
            [*ONE_CORE, sys.executable, "-c", LIMIT, str(items)], capture_output=True, check=True
        )
        rows["limit: three products"] = {"targets/CPU-s": float(limit.stdout)}
        rows["m6rec, all features"] = ours(
            data,
            out / "run",
            [*SETTINGS[name], *([f"train.epochs={args.epochs}"] if few else []), *args.extra],
        )
        rows["m6rec, all features"]["evaluated users/s"] = evaluation(out / "run", data)
        features = [
            ("user." if f["entity"] == "user" else "") + f["name"]
            for f in json.loads((data / "features" / "features.json").read_text())
        ]
        rows["m6rec, ids alone"] = ours(
            data,
            out / "ids",
            [
                *(s for s in SETTINGS[name] if not s.startswith(("model.exclude", "train.epochs"))),
                f"model.exclude={json.dumps(features)}",
                f"train.epochs={args.epochs}",
                *args.extra,
            ],
        )
        if python := environment(args.out, "rectools"):
            settings = RECTOOLS[name] | ({"epochs": int(args.epochs), "patience": 0} if few else {})
            rows["RecTools SASRec"] = _row(
                peer_output(python, "rectools_sasrec.py", log, settings, before=ONE_CORE)
            )
        if python := environment(args.out, "recbole"):
            settings = RECBOLE[name] | {"epochs": int(args.epochs)}
            *epochs, speed = peer_output(
                python, "recbole_gru4rec.py", log, settings, before=ONE_CORE
            )
            rows["RecBole GRU4Rec"] = _row(epochs) | {
                "evaluated users/s": speed["users_per_second"]
            }
        for row in rows.values():
            row["ratio"] = rows["m6rec, all features"]["targets/CPU-s"] / row["targets/CPU-s"]
        table(
            name,
            rows,
            (
                "targets/CPU-s",
                "ratio",
                "CPU-s an epoch",
                "CPU-s to the best",
                "best epoch",
                "validation NDCG@10",
            ),
        )
        report[name] = rows
        save(args.out, "train_speed", report)


if __name__ == "__main__":
    main()
