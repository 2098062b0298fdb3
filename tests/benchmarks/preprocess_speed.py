"""Preprocessing a large log against a pandas script: time, memory, and their growth.

    python tests/benchmarks/preprocess_speed.py OUT [--events 10000000,20000000] [--repeats 5]

`--alone` leaves out pandas.

A generated log with string ids, repeated rows and a long tail goes through `m6rec preprocess` with
5-core and leave-one-out, and up to 20 million events through the same steps in pandas: read, drop
repeated rows, 5-core, codes for ids, sort, split, write. Both read and write Parquet. The script
installs pandas into OUT/pandas.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from _commands import Cost, measured, save, table

ROWS_PER_FILE = 2_000_000
MOST_FOR_PANDAS = 20_000_000
"""More events take pandas more than 3 GiB."""
PANDAS = """
import sys, json, pandas as pd
source, out = sys.argv[1:]
log = pd.read_parquet(source).drop_duplicates(ignore_index=True)
while True:
    n = len(log)
    log = log[log.groupby("user_id").user_id.transform("size") >= 5]
    log = log[log.groupby("item_id").item_id.transform("size") >= 5]
    if len(log) == n:
        break
log = log.reset_index(drop=True)
log["user"], users = pd.factorize(log.user_id, sort=True)
log["item"], items = pd.factorize(log.item_id, sort=True)
log = log.drop(columns=["user_id", "item_id"]).sort_values(["user", "timestamp"], kind="stable")
last = log.groupby("user").cumcount(ascending=False)
log["split"] = "train"
log.loc[last == 1, "split"] = "valid"
log.loc[last == 0, "split"] = "test"
log.to_parquet(out + "/events.parquet")
pd.DataFrame({"id": users}).to_parquet(out + "/users.parquet")
pd.DataFrame({"id": items}).to_parquet(out + "/items.parquet")
print(json.dumps({"events": len(log), "users": len(users), "items": len(items)}))
"""


def generate(folder: Path, n: int) -> Path:
    """A log of `n` events with Zipf-like activity and popularity; one row in fifty is repeated.

    It is a folder of Parquet files, which are made one at a time.
    """
    work = folder.with_suffix(".writing")
    if folder.exists():
        return folder
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    users, items = n // 20, n // 200
    for part, start in enumerate(range(0, n, ROWS_PER_FILE)):
        rng = np.random.default_rng([n, part])
        rows = min(ROWS_PER_FILE, n - start)
        user = (users * rng.random(rows) ** 1.5).astype(np.int64)
        item = np.minimum((items * rng.random(rows) ** 2.5).astype(np.int64), items - 1)
        when = rng.integers(1_600_000_000, 1_700_000_000, rows)
        again = rng.integers(0, rows, rows // 50)
        user[again], item[again], when[again] = user[again - 1], item[again - 1], when[again - 1]
        pl.DataFrame({"user": user, "item": item, "timestamp": when}).select(
            user_id=pl.format("user-{}", pl.col("user") * 7919 % users),
            item_id=pl.format("item-{}", pl.col("item") * 104729 % items),
            timestamp="timestamp",
        ).write_parquet(work / f"part-{part:05d}.parquet")
    work.rename(folder)
    return folder


def environment(out: Path) -> Path | None:
    """The Python with pandas, installed once; None if it cannot be installed."""
    python = out / "pandas" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", out / "pandas"], check=True)
    if subprocess.run([python, "-m", "pip", "install", "-q", "pandas", "pyarrow"]).returncode:
        print("pandas cannot be installed: its rows are left out", file=sys.stderr)
        return None
    return python


def median(costs: list[Cost]) -> dict[str, float]:
    """The median of each column."""
    return {
        label: statistics.median(getattr(cost, name) for cost in costs)
        for label, name in (
            ("seconds", "seconds"),
            ("CPU seconds", "cpu_seconds"),
            ("peak MiB", "peak_mib"),
        )
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--events", default="10000000,20000000")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--alone", action="store_true", help="leave out pandas")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    pandas = None if args.alone else environment(args.out)
    rows: dict[str, dict[str, Any]] = {}
    for n in map(int, args.events.split(",")):
        log = generate(args.out / f"log-{n}", n)
        ours: list[Cost] = []
        theirs: list[Cost] = []
        for _ in range(args.repeats):  # in turns, so that both meet the same machine
            ours.append(
                measured(
                    [
                        "m6rec",
                        "preprocess",
                        "--interactions",
                        log,
                        "--set",
                        "data.min_user_events=5",
                        "--set",
                        "data.min_item_events=5",
                        "--out",
                        args.out / "data",
                        "--overwrite",
                        "--quiet",
                    ]
                )
            )
            if pandas and n <= MOST_FOR_PANDAS:
                theirs.append(measured([pandas, "-c", PANDAS, log, args.out]))
        rows[f"m6rec, {n:,} events"] = median(ours)
        if theirs:
            rows[f"pandas, {n:,} events"] = median(theirs)
    table(f"preprocess, medians of {args.repeats}", rows, ("seconds", "CPU seconds", "peak MiB"))
    save(args.out, "preprocess_speed", rows)


if __name__ == "__main__":
    main()
