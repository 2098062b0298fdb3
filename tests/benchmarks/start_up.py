"""Start-up: `--help` over bare Python, the first step of a second `pretrain`, one user's list.

    python tests/benchmarks/start_up.py OUT [--repeats 5]

The sample shop goes through the real commands. The first training run finds an empty compilation
cache, the others a warm one; the time counts from the command to the line of the first dispatch of
steps (an epoch that is cut to one dispatch and its validation). One user's list is made with a warm
cache, beside the time of the imports alone.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from _commands import m6rec, measured, save, table

SAMPLE = Path(__file__).parents[2] / "sample_data"


def seconds(command: list[object], **environment: str) -> float:
    return measured(command, **environment).seconds


def first_step(command: list[object], **environment: str) -> float:
    """Seconds until the first optimiser steps are done; the run continues to its end."""
    start, found = time.monotonic(), None
    process = subprocess.Popen(
        list(map(str, command)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if found is None and json.loads(line).get("text", "").startswith("epoch 1:"):
            found = time.monotonic() - start
    if process.wait() or found is None:
        raise SystemExit("pretrain failed or reported no step")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    out, rows = args.out, dict[str, dict[str, Any]]()

    def add(label: str, values: list[float], over: str | None = None) -> None:
        rows[label] = {
            "seconds": statistics.median(values),
            "least": min(values),
            "most": max(values),
        }
        if over:
            rows[label]["ratio"] = rows[label]["seconds"] / rows[over]["seconds"]

    add("bare Python", [seconds([sys.executable, "-c", "pass"]) for _ in range(3 * args.repeats)])
    for command in ((), ("pretrain",), ("recommend",)):
        times = [seconds(["m6rec", *command, "--help"]) for _ in range(3 * args.repeats)]
        add(f"m6rec {' '.join([*command, '--help'])}", times)

    data, cache = out / "data", out / "cache"
    if not data.exists():
        m6rec(
            "preprocess",
            "--interactions",
            SAMPLE / "interactions.csv",
            "--items",
            SAMPLE / "items.csv",
            "--users",
            SAMPLE / "users.csv",
            "--media",
            SAMPLE / "images",
            "--unknown-items",
            "drop",
            "--out",
            data,
            "--quiet",
        )
    train = [
        "m6rec",
        "pretrain",
        data,
        "--out",
        out / "run",
        "--overwrite",
        "--log-format",
        "json",
        "--set",
        "train.epochs=1",
        "--set",
        "train.max_steps=1",
    ]
    cold, warm = [], []
    for _ in range(args.repeats):
        shutil.rmtree(cache, ignore_errors=True)
        cold.append(first_step(train, M6REC_CACHE_DIR=str(cache)))
        warm.append(first_step(train, M6REC_CACHE_DIR=str(cache)))
    add("pretrain to its first step, empty cache", cold)
    add("pretrain to its first step, warm cache", warm, "pretrain to its first step, empty cache")

    user = out / "user.txt"
    user.write_text("U0001\n")
    one = [
        "m6rec",
        "recommend",
        out / "run",
        "--data",
        data,
        "--user-ids",
        user,
        "--out",
        out / "list.csv",
        "--overwrite",
        "--quiet",
    ]
    seconds(one, M6REC_CACHE_DIR=str(cache))
    add(
        "recommend for one user, warm cache",
        [seconds(one, M6REC_CACHE_DIR=str(cache)) for _ in range(args.repeats)],
    )
    add(
        "import jax and polars",
        [
            seconds([sys.executable, "-c", "import jax, flax.nnx, polars"])
            for _ in range(args.repeats)
        ],
    )
    table(f"start-up, medians of {args.repeats}", rows, ("seconds", "least", "most", "ratio"))
    save(out, "start_up", rows)


if __name__ == "__main__":
    main()
