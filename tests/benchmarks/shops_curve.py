"""Do more shops make a model better in a shop that it has never seen?

    python tests/benchmarks/shops_curve.py DATA_ROOT OUT [--sources beauty,ml-100k]
        [--target office] [--features '["title"]'] [--fit first] [--epochs 8] [--seeds 0]
        [--split valid] [--also LABEL=RUN,...] [--extra KEY=VALUE ...]

The sources and the target share their language and the features named, and no item. A model is
trained on each source alone and on all of them together (`m6rec pretrain A B`), and used in the
target, whose events no training sees: by the defaults, whose graphs and ranking weights are of the
target's log, and by the model alone. One encoding for all rows: `--fit first` fits the features on
the first source, `--fit all` on the item tables of all sources (`--fit-with`). `--also` adds runs
that were trained otherwise, such as before a change. NDCG@10 over the target's catalogue, seen
items masked, means over seeds; p is that of the mean over seeds against `mixture` there.
"""

import argparse
import statistics
from pathlib import Path
from typing import Any

from _commands import MODEL_ALONE, arguments, evaluated, prepared, save, sets, table, trained
from zero_shot import BASELINES, with_prefix

SETTINGS = [
    "model.max_history=50",
    "model.modality_dropout=0",
    "model.decoder.time_gaps=false",
    "model.dropout=0.35",
    "train.loss.first_event=0",
    "train.clip_norm=0",
]
"""Those of Beauty in `accuracy.py`, without time gaps: only ML-100K has times."""


def encoded(args: argparse.Namespace, sources: list[str]) -> dict[str, Path]:
    """The data directory of each shop, by the features of the first."""
    folder = args.out / f"fit-{args.fit}"
    folder.mkdir(parents=True, exist_ok=True)
    shops = [*sources, args.target]
    flags = {name: with_prefix(args.root, name, folder) for name in shops}
    first, *others = shops
    tables = [flags[name][-1] for name in sources[1:]] if args.fit == "all" else []
    further = [part for path in tables for part in ("--fit-with", path)]
    found = {first: prepared(folder / first, [*flags[first], *further])}
    for name in others:
        found[name] = prepared(folder / name, [*flags[name], "--like", found[first]])
    return found


def measure(args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """A row for each baseline, each source, all sources together, and each run of `--also`."""
    sources = args.sources.split(",")
    data = encoded(args, sources)
    settings = [*SETTINGS, f"model.features={args.features}", f"train.epochs={args.epochs}"]
    groups = [[name] for name in sources] + ([sources] if len(sources) > 1 else [])
    runs: dict[str, list[Path]] = {}
    for names in groups:
        label = " and ".join(names)
        runs[label] = [
            trained(
                "pretrain",
                [data[name] for name in names],
                args.out / f"fit-{args.fit}" / f"{'+'.join(names)}-{seed}",
                [*settings, *args.extra, f"train.seed={seed}"],
            )
            for seed in args.seeds.split(",")
        ]
    for label, run in (one.split("=", 1) for one in args.also.split(",") if one):
        runs[label] = [Path(run)]
    every = [run for group in runs.values() for run in group]
    split = ["--split", args.split]
    found = evaluated(
        every, data[args.target], *split, "--baselines", BASELINES, "--against", "mixture"
    )
    alone = evaluated(every, data[args.target], *split, *sets([MODEL_ALONE]))
    rows: dict[str, dict[str, Any]] = {
        name: {"NDCG": found[name]["ndcg"]} for name in BASELINES.split(",")
    }
    for label, group in runs.items():
        rows[label] = {
            "NDCG": statistics.mean(found[str(run)]["ndcg"] for run in group),
            "alone": statistics.mean(alone[str(run)]["ndcg"] for run in group),
            "p": found[str(group[0])]["p"],
        }
    return rows


def main() -> None:
    """Print the table."""
    args = arguments(
        __doc__,
        sources="beauty,ml-100k",
        target="office",
        features='["title"]',
        fit="first",
        epochs="8",
        seeds="0",
        split="valid",
        also="",
    )
    rows = measure(args)
    table(f"to {args.target} ({args.split})", rows, ("NDCG", "alone", "p"))
    save(args.out, f"shops_curve-{args.fit}", rows)


if __name__ == "__main__":
    main()
