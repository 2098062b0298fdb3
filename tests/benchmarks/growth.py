"""How training time and memory grow with events, history length, catalogue and width.

    python tests/benchmarks/growth.py OUT [--only events,history,catalogue,width] [--repeats 5]

Generated logs with ids only, by the real commands. One size is doubled at a time; `exponent` is the
slope of the seconds on log scales from the row above: 1 is linear growth, 0 none. Events are timed
by an epoch, the other sizes by 512 targets of a step. OUT/growth.svg plots the table
(`pip install matplotlib`, which m6rec itself does not need).
"""

import argparse
import json
import math
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from _commands import m6rec, prepared, save, sets, table

FEW_STEPS = ["train.steps_per_dispatch=4", "train.max_steps=16"]


def data(out: Path, n_users: int, n_items: int, per_user: int) -> Path:
    """A data directory with `per_user` events per user and Zipf-like item popularity."""
    folder = out / f"{n_users}-{n_items}-{per_user}"
    folder.mkdir(parents=True, exist_ok=True)
    events, items = folder / "events.parquet", folder / "items.parquet"
    if not events.exists():
        rng, n = np.random.default_rng(0), n_users * per_user
        item = np.minimum((n_items ** rng.random(n)).astype(np.int64), n_items - 1)
        pl.DataFrame({"item_id": np.arange(n_items)}).write_parquet(items)
        pl.DataFrame(
            {
                "user_id": np.arange(n) // per_user,
                "item_id": item,
                "timestamp": 1_700_000_000 + np.arange(n),
            }
        ).write_parquet(events)
    return prepared(folder / "data", ["--interactions", events, "--items", items])


def run(out: Path, where: Path, settings: list[str]) -> dict[str, float]:
    """Seconds per 512 targets and of the last epoch, and peak memory in MiB."""
    common = ["train.valid_users=100", "train.batch_targets=512", *settings]
    summary = m6rec(
        "pretrain", where, *sets(common), "--out", out / "run", "--overwrite", "--quiet"
    )
    last = json.loads((out / "run" / "metrics.jsonl").read_text().splitlines()[-1])
    return {
        "step": summary["median_step_seconds"] * 512 / last["targets"],
        "epoch": last["seconds"],
        "peak MiB": summary["peak_host_bytes"] / 2**20,
    }


def events(out: Path, n: int) -> dict[str, float]:
    return run(out, data(out, n // 20, 5000, 20), ["train.epochs=2"])


def history(out: Path, n: int) -> dict[str, float]:
    return run(out, data(out, 500, 5000, 1000), [f"model.max_history={n}", *FEW_STEPS])


def catalogue(out: Path, n: int) -> dict[str, float]:
    return run(out, data(out, 2000, n, 20), FEW_STEPS)


def width(out: Path, n: int) -> dict[str, float]:
    return run(out, data(out, 2000, 20000, 20), [f"model.width={n}", *FEW_STEPS])


AXES: dict[str, tuple[Callable[[Path, int], dict[str, float]], str, list[int]]] = {
    "events": (events, "epoch", [50_000, 100_000, 200_000, 400_000]),
    "history": (history, "step", [50, 100, 200, 400, 800]),
    "catalogue": (catalogue, "step", [10_000, 32_000, 100_000, 320_000, 1_000_000]),
    "width": (width, "step", [32, 64, 128, 256]),
}


def measure(out: Path, axis: str, repeats: int) -> dict[str, dict[str, Any]]:
    """The rows of one size."""
    function, what, sizes = AXES[axis]
    rows: dict[str, dict[str, Any]] = {}
    before: tuple[int, float] | None = None
    for size in sizes:
        measured = [function(out, size) for _ in range(repeats)]
        seconds = statistics.median(one[what] for one in measured)
        row: dict[str, Any] = {
            "size": size,
            "seconds": seconds,
            "peak MiB": max(one["peak MiB"] for one in measured),
        }
        if before:
            row["exponent"] = math.log(seconds / before[1]) / math.log(size / before[0])
        rows[f"{axis} {size:,}"], before = row, (size, seconds)
    table(
        f"{axis}: seconds per {'epoch' if what == 'epoch' else '512 targets'}, median of {repeats}",
        rows,
        ("seconds", "exponent", "peak MiB"),
    )
    return rows


def draw(report: dict[str, dict[str, dict[str, Any]]], path: Path) -> None:
    """Plot seconds and memory on log scales, one panel per size."""
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(
        1, len(report), figsize=(3.2 * len(report), 3), layout="constrained", squeeze=False
    )
    for panel, (axis, rows) in zip(panels[0], report.items(), strict=True):
        sizes = [row["size"] for row in rows.values()]
        panel.loglog(sizes, [row["seconds"] for row in rows.values()], "o-", label="seconds")
        panel.loglog(
            sizes, [row["peak MiB"] / 1024 for row in rows.values()], "s--", label="peak GiB"
        )
        panel.set_xticks(
            sizes, [f"{size // 1000}k" if size >= 10_000 else str(size) for size in sizes]
        )
        panel.minorticks_off()
        panel.set_xlabel(axis)
        panel.grid(alpha=0.3)
    panels[0][0].legend()
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", default=",".join(AXES))
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    report = {}
    for axis in args.only.split(","):
        report[axis] = measure(args.out, axis, args.repeats)
        save(args.out, "growth", report)
    draw(report, args.out / "growth.svg")


if __name__ == "__main__":
    main()
