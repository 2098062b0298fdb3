"""Accuracy of the defaults on public data over seeds, beside baselines and peers.

    python tests/benchmarks/accuracy.py DATA_ROOT OUT [--sets beauty,ml-100k,office,sports,ml-1m]
        [--seeds 0,1,2] [--split test|valid] [--inner] [--refit] [--extra 'model.width=128' ...]

DATA_ROOT has one folder per data set with `interactions.csv`, `items.csv` and, for MovieLens,
`users.csv` and `posters/`. Protocol: leave-one-out by time, ties in file order, full ranking, seen
items masked; the unmasked figures are shown, too. Every run is a plain `m6rec pretrain DATA`.
`--refit` evaluates `pretrain --refit` of every run as well. Tune with `--split valid`, or with
`--inner` on a log without each user's last event, whose test events are the real validation events;
use the test split once, for the report. OUT gets data and run directories, and `accuracy.json`.
"""

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from _commands import m6rec, prepared, raw, rows_of, trained, write_rows

BASELINES = "popularity,last-item,itemknn,ease,cooccurrence,mixture"
PEERS = {
    "beauty": {
        "RecTools SASRec, full softmax": (0.0476, 0.0813),
        "BSARec, published": (0.0611, 0.1008),
        "WEARec, published, best of 88 runs": (0.0614, 0.1041),
    },
    "ml-100k": {
        "RecTools SASRec + genres + year": (0.1087, 0.2142),
        "RecBole GRU4Rec": (0.0904, 0.1866),
    },
    "ml-1m": {
        "LRURec, published": (0.1930, 0.3264),
        "WEARec, published": (0.1904, 0.3334),
    },
    "sports": {"WEARec, published": (0.0367, 0.0631)},
}
"""Masked NDCG@10 and Recall@10 on test: published, or measured on one seed by the same protocol."""
FIGURES = ("masked ndcg@10", "masked recall@10", "unmasked ndcg@10", "unmasked recall@10")


def train_seed(data: Path, folder: Path, seed: int, args: argparse.Namespace) -> dict[str, Path]:
    """The run of a seed and, with `--refit`, its refit."""
    run = trained("pretrain", data, folder / f"run-{seed}", [*args.extra, f"train.seed={seed}"])
    if not args.refit:
        return {"m6rec": run}
    refit = folder / f"refit-{seed}"
    m6rec("pretrain", data, "--refit", run, "--out", refit, "--resume", "--quiet")
    return {"m6rec": run, "m6rec, refit": refit}


def without_last_events(events: Path, to: Path) -> Path:
    """The log without each user's last event, so that tuning never sees the real test events."""
    rows = rows_of(events)
    when = list(rows[0])[-1]
    last: dict[str, tuple[float, int]] = {}
    for i, row in enumerate(rows):
        last[row["user_id"]] = max(last.get(row["user_id"], (-1.0, -1)), (float(row[when]), i))
    gone = {i for _, i in last.values()}
    return write_rows(to, [row for i, row in enumerate(rows) if i not in gone])


def evaluate(data: Path, runs: list[Path], split: str) -> dict[str, Any]:
    """The report of `evaluate` on the runs and all baselines."""
    flags = ["--split", split, "--baselines", BASELINES, "--quiet"]
    return m6rec("evaluate", *runs, "--data", data, *flags)


def measure(name: str, args: argparse.Namespace) -> dict[str, Any]:
    """The figures of a data set: of each kind of run over seeds, and of each baseline."""
    folder = args.out / (f"{name}-inner" if args.inner else name)
    events = None
    if args.inner:
        events = without_last_events(args.root / name / "interactions.csv", folder / "inner.csv")
    data = prepared(folder / "data", raw(args.root, name, events=events))
    seeds = [train_seed(data, folder, int(seed), args) for seed in args.seeds.split(",")]
    runs = {kind: [seed[kind] for seed in seeds] for kind in seeds[0]}
    report = evaluate(data, [run for kind in runs.values() for run in kind], args.split)
    systems = report["systems"]

    def over_seeds(kind: list[Path], figure: str) -> dict[str, Any]:
        view, metric = figure.split()
        values = [systems[str(run)][view][metric] for run in kind]
        sd = statistics.stdev(values) if len(values) > 1 else 0.0
        return {"mean": statistics.mean(values), "sd": sd, "values": values}

    names = {str(run) for kind in runs.values() for run in kind}
    return {
        "runs": {
            label: {figure: over_seeds(kind, figure) for figure in FIGURES}
            for label, kind in runs.items()
        },
        "baselines": {k: v["masked"] for k, v in systems.items() if k not in names},
        "epochs": [best_epoch(run) for run in runs["m6rec"]],
        "seconds": [read_manifest(run)["seconds"] for run in runs["m6rec"]],
        "tests": [
            (pair["a"], pair["b"], pair["metrics"]["ndcg@10"]) for pair in report["comparisons"]
        ],
        "settings": args.extra,
        "split": args.split,
        "seeds": args.seeds,
    }


def read_manifest(run: Path) -> dict[str, Any]:
    """`run.json` of a run."""
    return json.loads((run / "run.json").read_text())


def best_epoch(run: Path) -> int:
    """The epoch that the run keeps."""
    return read_manifest(run)["best"]["epoch"]


def show(name: str, found: dict[str, Any], peers: dict[str, tuple[float, float]]) -> None:
    """Print the table of a data set."""
    print(f"\n{name} ({found['split']}, seeds {found['seeds']}){'':14}NDCG@10   Recall@10")
    for label, figures in found["runs"].items():
        for view in ("masked", "unmasked"):
            cells = (figures[f"{view} {metric}"] for metric in ("ndcg@10", "recall@10"))
            text = "   ".join(f"{cell['mean']:.4f} ± {cell['sd']:.4f}" for cell in cells)
            print(f"  {label + ', ' + view:34} {text}")
    for label, figures in found["baselines"].items():
        print(f"  {label:34} {figures['ndcg@10']:.4f}            {figures['recall@10']:.4f}")
    for label, (ndcg, recall) in peers.items():
        print(f"  {label:34} {ndcg:.4f}            {recall:.4f}")


def main() -> None:
    """Train, evaluate and print each data set; keep the figures of earlier ones."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--sets", default="beauty,ml-100k,office,sports,ml-1m")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--split", default="test", choices=("test", "valid"))
    parser.add_argument("--inner", action="store_true")
    parser.add_argument("--refit", action="store_true")
    parser.add_argument("--extra", action="append", default=[], metavar="KEY=VALUE")
    args = parser.parse_args()
    path = args.out / "accuracy.json"
    report = json.loads(path.read_text()) if path.exists() else {}
    for name in args.sets.split(","):
        report[name] = measure(name, args)
        is_test = args.split == "test" and not args.inner
        show(name, report[name], PEERS.get(name, {}) if is_test else {})
        path.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
