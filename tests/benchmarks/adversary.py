"""What an adversary adds to fine-tuning, against cross-entropy alone and against re-ranking.

    python tests/benchmarks/adversary.py DATA_ROOT OUT [--sets office,ml-100k] [--seeds 0,1,2,3,4]
        [--extra train.epochs=2 ...]

For each seed: one pre-trained run, by the real command; then its generator is tuned with each
setting, for the same few epochs, and the last epoch is evaluated on validation by the model alone.
The best 50 items of the better run without an adversary are also re-ranked: MMR, calibrated, at
most n items of a group, a bonus for rare items. MovieLens has ratings of 4 and 5 as labels. The
table has means and standard deviations over the seeds, and p-values of paired t-tests over the
seeds against cross-entropy alone. The figures of each seed go to OUT/adversary.json and are reused.
"""

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from _commands import SETTINGS, arguments, prepared, raw, save, trained
from _reranking import Reranking
from _tuned import Bench
from scipy.stats import ttest_rel

from m6rec_cli.system import runtime

FIGURES = (
    "ndcg@10",
    "coverage@10",
    "diversity@10",
    "calibration@10",
    "tail share",
    "tail",
)
ITEMS = ["train.alpha=0.5", "train.adversary.fakes=items"]
SLATE = [*ITEMS, "train.adversary.slate=5"]
REWARDS = [
    "train.adversary.diversity=1",
    "train.adversary.calibration=1",
    "train.adversary.tail=1",
]
PARENT, CONTROL = "pre-trained", "cross-entropy alone"
ADVERSARIES = {
    CONTROL: ["train.alpha=1"],
    "vectors": ["train.alpha=0.5"],
    "items": ITEMS,
    "means": ["train.alpha=0.5", "train.adversary.fakes=means"],
    "slate": SLATE,
    "slate, average": [*SLATE, "train.average=0.98", "train.adversary.penalty_decay=1"],
    "slate, rewards": [*SLATE, *REWARDS],
    "rewards, no adversary": [*SLATE, *REWARDS, "train.adversary.weight=0"],
}
RERANKED = {
    "MMR 0.03": Reranking(mmr=0.03),
    "MMR 0.1": Reranking(mmr=0.1),
    "MMR 0.3": Reranking(mmr=0.3),
    "calibrated 0.1": Reranking(calibrated=0.1),
    "calibrated 0.5": Reranking(calibrated=0.5),
    "at most 5 of a group": Reranking(cap=5),
    "rare items 0.1": Reranking(rare=0.1),
    "rare items 0.3": Reranking(rare=0.3),
    "rare items 0.5": Reranking(rare=0.5),
}
CANDIDATES = 50
RERANKED_RUN = {"office": PARENT, "ml-100k": CONTROL}
"""What is re-ranked: the better of both on average. Labels give fine-tuning something to learn."""
LABELS = {"ml-100k": ["--positive", "rating >= 4"]}
PRETRAIN = {"ml-100k": ['model.exclude=["poster"]']}
"""Posters cost most of the time and do not help."""


def measure(
    bench: Bench, folder: Path, name: str, seed: int, extra: list[str], known: dict[str, Any]
) -> None:
    """Add the figures of the systems of a seed that are not known yet."""
    own = f"train.seed={seed}"
    parent = folder / f"base-{seed}"
    if not (parent / "run.json").exists():
        trained("pretrain", bench.path, parent, [*SETTINGS[name], *PRETRAIN.get(name, []), own])
    start = bench.scored(*bench.setup(parent, [own]))
    if PARENT not in known:
        known[PARENT] = bench.figures(start, start.best(10)[0])
    for label, values in ADVERSARIES.items():
        is_start = label == RERANKED_RUN[name] and not RERANKED.keys() <= known.keys()
        if label not in known or is_start:
            scored, losses = bench.tuned(parent, ["train.epochs=4", *values, *extra, own])
            known[label] = bench.figures(scored, scored.best(10)[0]) | losses
            start = scored if is_start else start
    items, scores = start.best(CANDIDATES)
    for label, how in RERANKED.items():
        if label not in known:
            known[label] = bench.figures(start, how.lists(items, scores, bench.facts))


def show(name: str, rows: dict[str, list[dict[str, float]]]) -> None:
    """Print means, standard deviations and p-values against cross-entropy alone."""
    print(f"\n{name}: mean ± sd over {len(next(iter(rows.values())))} seeds (p of a paired t-test)")
    print(f"{'':22}" + "".join(f"{x:>26}" for x in FIGURES) + f"{'L_gen, D':>15}")
    for label, seeds in rows.items():
        cells = [cell([s[x] for s in seeds], [s[x] for s in rows[CONTROL]]) for x in FIGURES]
        parts = [
            f"{statistics.mean(s[x] for s in seeds):.3f}"
            for x in ("gen_loss", "discriminator_loss")
            if x in seeds[0]
        ]
        print(f"{label:22}" + "".join(f"{c:>26}" for c in cells) + f"{', '.join(parts):>15}")


def cell(values: list[float], control: list[float]) -> str:
    """A mean over seeds, its standard deviation and the p-value of its difference."""
    text = f"{statistics.mean(values):.4f}"
    if len(values) == 1:
        return text
    text += f" ± {statistics.stdev(values):.4f}"
    return text if values == control else f"{text} ({ttest_rel(values, control).pvalue:.3f})"


def measure_set(name: str, args: argparse.Namespace, report: dict[str, Any]) -> None:
    """Measure the seeds that the report lacks, and print the table of a data set."""
    folder, seeds = args.out / name, args.seeds.split(",")
    bench = Bench(prepared(folder / "data", [*raw(args.root, name), *LABELS.get(name, [])]))
    known = report.setdefault(name, {})
    for seed in seeds:
        found = known.setdefault(seed, {})
        if not {PARENT, *ADVERSARIES, *RERANKED} <= found.keys():
            measure(bench, folder, name, int(seed), args.extra, found)
            save(args.out, "adversary", report)
    rows = [PARENT, *ADVERSARIES, *RERANKED]
    show(name, {label: [known[seed][label] for seed in seeds] for label in rows})


def main() -> None:
    """Print a table for each data set."""
    args = arguments(__doc__, sets="office,ml-100k", seeds="0,1,2,3,4")
    runtime.configure_jax()
    path = args.out / "adversary.json"
    report: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    for name in args.sets.split(","):
        measure_set(name, args, report)


if __name__ == "__main__":
    main()
