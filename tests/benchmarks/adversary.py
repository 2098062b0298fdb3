"""What an adversary adds to fine-tuning, against cross-entropy alone and against re-ranking.

    python tests/benchmarks/adversary.py DATA_ROOT OUT [--sets office,ml-100k] [--seeds 0,1,2,3,4]
        [--settings NAME,...] [--extra train.epochs=2 ...]

For each seed: one pre-trained run, then `finetune` from it with each setting, for the same few
epochs, the last one kept. All are evaluated on validation by the model alone. The pre-trained run
is also re-ranked: MMR, calibrated re-ranking, at most n items a category. MovieLens has ratings of
4 and 5 as labels. The table has means and standard deviations over the seeds and paired t-tests
over the seeds against cross-entropy alone. Runs in OUT are resumed and reused, and so are the
figures of a seed in OUT/adversary.json.
"""

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from _commands import MODEL_ALONE, SETTINGS, arguments, m6rec, prepared, raw, save, sets, trained
from _reranking import CANDIDATES, reranked
from scipy.stats import ttest_rel

FIGURES = ("ndcg@10", "coverage@10", "diversity@10", "calibration@10", "popularity_bias@10", "tail")
FINETUNE = ["train.epochs=4", "train.keep=last"]
ITEMS = ["train.alpha=0.5", "train.adversary.fakes=items"]
SLATE = [*ITEMS, "train.adversary.slate=5"]
REWARDS = [
    "train.adversary.diversity=1",
    "train.adversary.calibration=1",
    "train.adversary.tail=1",
]
CONTROL = "cross-entropy alone"
ADVERSARIES = {
    CONTROL: ["train.alpha=1"],
    "vectors": ["train.alpha=0.5"],
    "items": ITEMS,
    "means": ["train.alpha=0.5", "train.adversary.fakes=means"],
    "slate of 5": SLATE,
    "slate with rewards": [*SLATE, *REWARDS],
    "rewards alone": [*SLATE, *REWARDS, "train.adversary.weight=0"],
    "slate with average": [*SLATE, "train.average=0.98", "train.adversary.penalty_decay=1"],
}
RERANKED = {
    "MMR 0.1": {"mmr": 0.1},
    "MMR 0.5": {"mmr": 0.5},
    "calibrated 0.1": {"calibrated": 0.1},
    "calibrated 0.5": {"calibrated": 0.5},
}
CAP = 3
LABELS = {"ml-100k": ["--positive", "rating >= 4"]}
PRETRAIN = {"ml-100k": ['model.exclude=["poster"]']}
"""Posters cost most of the time and do not help."""


def lists_of(run: Path, data: Path, out: Path, k: int, *settings: str) -> Path:
    """Write lists of a run before the validation events."""
    flags = ["--data", data, "--before", "valid", "-k", k, "--overwrite", "--quiet"]
    m6rec("recommend", run, *flags, *sets([MODEL_ALONE, *settings]), "--out", out)
    return out


def finished(stage: str, data: Path, out: Path, values: list[str], *flags: object) -> Path:
    """A run, trained unless it is finished."""
    done = (out / "run.json").exists()
    return out if done else trained(stage, data, out, values, *flags)


def systems_of(folder: Path, data: Path, name: str, seed: int, args: argparse.Namespace) -> dict:
    """The runs and list files of a seed, by their names in the table."""
    own = f"train.seed={seed}"
    values = [*SETTINGS[name], *PRETRAIN.get(name, []), own]
    parent = finished("pretrain", data, folder / f"base-{seed}", values)
    chosen = args.settings.split(",") if args.settings else list(ADVERSARIES)
    found = {"pre-trained": parent}
    for label in chosen:
        out = folder / f"{label.replace(' ', '-').replace(',', '')}-{seed}"
        values = [*FINETUNE, *ADVERSARIES[label], *args.extra, own]
        found[label] = finished("finetune", data, out, values, "--init", parent)
    long = lists_of(parent, data, folder / f"long-{seed}.parquet", CANDIDATES)
    for label, how in RERANKED.items():
        out = folder / f"{label.replace(' ', '-')}-{seed}.parquet"
        found[label] = reranked(long, data, "valid", out, **how)
    cap = f"recommend.max_per_category={CAP}"
    out = folder / f"cap-{seed}.parquet"
    found[f"at most {CAP} a category"] = lists_of(parent, data, out, 10, cap)
    return found


def figures(systems: dict[str, Path], data: Path) -> dict[str, dict[str, float]]:
    """Each system's figures on validation."""
    runs = [path for path in systems.values() if path.suffix != ".parquet"]
    files = [x for path in systems.values() if path.suffix == ".parquet" for x in ("--recs", path)]
    flags = ["--split", "valid", "--baselines", "none", "--quiet", *sets([MODEL_ALONE])]
    flags += sets(["evaluate.bootstrap=0", "evaluate.ks=[10]"])
    report = m6rec("evaluate", *runs, *files, "--data", data, *flags)
    found = {}
    for label, path in systems.items():
        system = report["systems"][str(path)]
        found[label] = {x: system["masked"][x] for x in FIGURES if x != "tail"}
        found[label]["tail"] = system["slices"]["item_popularity"]["tail"]["recall@10"]
        if path.suffix != ".parquet":
            found[label] |= last_losses(path)
    return found


def last_losses(run: Path) -> dict[str, float]:
    """The losses of generator and discriminator in the last epoch, if there is an adversary."""
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    return {x: last[x] for x in ("gen_loss", "discriminator_loss") if x in last}


def show(name: str, rows: dict[str, list[dict[str, float]]]) -> None:
    """Print means, standard deviations and p-values against cross-entropy alone."""
    print(f"\n{name}: mean ± sd over {len(next(iter(rows.values())))} seeds (p of a paired t-test)")
    print(f"{'':24}" + "".join(f"{x:>24}" for x in FIGURES) + f"{'L_gen, D':>18}")
    for label, seeds in rows.items():
        cells = [cell([s[x] for s in seeds], [s[x] for s in rows[CONTROL]]) for x in FIGURES]
        parts = [
            f"{statistics.mean(s[x] for s in seeds):.3f}"
            for x in ("gen_loss", "discriminator_loss")
            if x in seeds[0]
        ]
        print(f"{label:24}" + "".join(f"{c:>24}" for c in cells) + f"{', '.join(parts):>18}")


def cell(values: list[float], control: list[float]) -> str:
    """A mean over seeds, its standard deviation and the p-value of its difference."""
    text = f"{statistics.mean(values):.4f}"
    if len(values) == 1:
        return text
    text += f" ± {statistics.stdev(values):.4f}"
    return text if values == control else f"{text} ({ttest_rel(values, control).pvalue:.2f})"


def main() -> None:
    """Train and evaluate seed by seed; print a table for each data set."""
    args = arguments(__doc__, sets="office,ml-100k", seeds="0,1,2,3,4", settings="")
    path = args.out / "adversary.json"
    report: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    for name in args.sets.split(","):
        folder, seeds = args.out / name, args.seeds.split(",")
        data = prepared(folder / "data", [*raw(args.root, name), *LABELS.get(name, [])])
        known = report.setdefault(name, {})
        for seed in seeds:
            if seed not in known:
                known[seed] = figures(systems_of(folder, data, name, int(seed), args), data)
                save(args.out, "adversary", report)
        labels = [x for x in known[seeds[0]] if all(x in known[seed] for seed in seeds)]
        show(name, {label: [known[seed][label] for seed in seeds] for label in labels})


if __name__ == "__main__":
    main()
