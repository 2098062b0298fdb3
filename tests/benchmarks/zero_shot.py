"""A run of one shop in another shop, without any training there, beside what needs no model.

    python tests/benchmarks/zero_shot.py DATA_ROOT OUT [--pairs office:beauty,beauty:office]
        [--seeds 0,1,2] [--split test]

OUT is that of `accuracy.py`: its runs of the first shop, and those of the second as "trained
there", are used as they are, by the defaults. The second shop's tables are encoded with the
features of the first (`--like`); features that it has no column for are missing. NDCG@10 over the
whole catalogue, seen items masked, means over seeds; p is that of the mean over seeds against the
untrained mixture there.
"""

import argparse
import statistics
from pathlib import Path
from typing import Any

from _commands import (
    MODEL_ALONE,
    arguments,
    evaluated,
    m6rec,
    prepared,
    rows_of,
    save,
    sets,
    table,
    write_rows,
)

BASELINES = "popularity,last-item,contentknn,mixture"


def with_prefix(root: Path, name: str, out: Path) -> list[object]:
    """The tables with item ids that no other shop has."""
    flags: list[object] = []
    for kind in ("interactions", "items"):
        rows = rows_of(root / name / f"{kind}.csv")
        path = out / f"{name}-{kind}.csv"
        write_rows(path, [{**row, "item_id": f"{name}-{row['item_id']}"} for row in rows])
        flags += [f"--{kind}", path]
    return flags


def measure(first: str, second: str, args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """The rows of a pair."""
    runs = [args.out / first / f"run-{seed}" for seed in args.seeds.split(",")]
    there = [args.out / second / f"run-{seed}" for seed in args.seeds.split(",")]
    folder = args.out / f"{first}-to-{second}"
    folder.mkdir(parents=True, exist_ok=True)
    like = ["--like", args.out / first / "data"]
    data = prepared(folder / "data", [*with_prefix(args.root, second, folder), *like])
    split = ["--split", args.split]
    found = evaluated(runs, data, *split, "--baselines", BASELINES, "--against", "mixture")
    alone = evaluated(runs, data, *split, *sets([MODEL_ALONE]))
    rows: dict[str, dict[str, Any]] = {
        name: {"NDCG": found[name]["ndcg"], "Recall": found[name]["recall"]}
        for name in BASELINES.split(",")
    }
    rows[f"{first}'s run"] = {
        "NDCG": statistics.mean(found[str(run)]["ndcg"] for run in runs),
        "Recall": statistics.mean(found[str(run)]["recall"] for run in runs),
        "alone": statistics.mean(alone[str(run)]["ndcg"] for run in runs),
        "p": found[str(runs[0])]["p"],
    }
    if all((run / "run.json").exists() for run in there):
        own = m6rec("evaluate", *there, "--data", args.out / second / "data", *split, "--quiet")
        figures = [own["systems"][str(run)]["masked"]["ndcg@10"] for run in there]
        rows["trained there"] = {"NDCG": statistics.mean(figures)}
        share = rows[f"{first}'s run"]["NDCG"] / rows["trained there"]["NDCG"]
        rows[f"{first}'s run"]["of trained there"] = share
    return rows


def main() -> None:
    """Print a table for each pair."""
    args = arguments(__doc__, pairs="office:beauty,beauty:office", seeds="0,1,2", split="test")
    report = {}
    for pair in args.pairs.split(","):
        first, second = pair.split(":")
        report[pair] = measure(first, second, args)
        columns = ("NDCG", "Recall", "alone", "of trained there", "p")
        table(f"{first} to {second} ({args.split})", report[pair], columns)
    save(args.out, "zero_shot", report)


if __name__ == "__main__":
    main()
