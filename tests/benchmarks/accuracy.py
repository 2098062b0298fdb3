"""Accuracy on public data, by the real commands: test figures over seeds, beside the peers' and the baselines'.

    python tests/benchmarks/accuracy.py DATA_ROOT OUT [--sets beauty,ml-100k,office] [--seeds 0,1,2]
        [--split test|valid] [--extra 'model.width=128' ...] [--stages pretrain|both]

DATA_ROOT holds a folder for each data set with `interactions.csv`, `items.csv` and, for MovieLens, `users.csv`
and `posters/`. Protocol: leave-one-out by time, ties in file order, full ranking, seen items masked (the
unmasked figures stand beside them). Tune with `--split valid`; read the test split once, for the report.
Everything lands in OUT: data and run directories, and `accuracy.json`.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

from _commands import SETTINGS, m6rec, sets

PEERS = {
    "beauty": {"RecTools SASRec, full softmax": (0.0476, 0.0813), "BSARec, published": (0.0611, 0.1008)},
    "ml-100k": {"RecTools SASRec + genres + year": (0.1087, 0.2142), "RecBole GRU4Rec": (0.0904, 0.1866)},
    "office": {},
}
"""NDCG@10 and Recall@10, masked; measured by the same protocol on one seed, unless published."""


def one(root: Path, out: Path, name: str, seed: int, args: argparse.Namespace) -> tuple[Path, float]:
    """Train one seed; the run directory and the CPU-independent wall seconds it took."""
    data = out / name / "data"
    if not (data / "manifest.json").exists():
        raw = root / name
        users = ["--users", raw / "users.csv"] if (raw / "users.csv").exists() else []
        m6rec(
            "preprocess",
            "--interactions",
            raw / "interactions.csv",
            "--items",
            raw / "items.csv",
            *users,
            "--out",
            data,
        )
    chosen = sets([*SETTINGS[name], *args.extra, f"train.seed={seed}"])
    started = time.monotonic()
    run = out / name / f"pretrained-{seed}"
    m6rec("pretrain", data, *chosen, "--out", run, "--resume", "--log-format", "plain")
    if args.stages == "both":
        tuned = out / name / f"tuned-{seed}"
        m6rec("finetune", data, "--init", run, "--set", f"train.seed={seed}", "--out", tuned, "--resume")
        run = tuned
    return run, time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--sets", default="beauty,ml-100k,office")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--split", default="test", choices=("test", "valid"))
    parser.add_argument("--stages", default="pretrain", choices=("pretrain", "both"))
    parser.add_argument("--extra", action="append", default=[], metavar="KEY=VALUE")
    args = parser.parse_args()

    report = {}
    for name in args.sets.split(","):
        seeds = [int(seed) for seed in args.seeds.split(",")]
        runs = [one(args.root, args.out, name, seed, args) for seed in seeds]
        judged = m6rec("evaluate", *(run for run, _ in runs), "--data", args.out / name / "data", "--split", args.split,
                       "--baselines", "popularity,last-item,itemknn,ease")  # fmt: skip
        systems = judged["systems"]
        ours = [systems[str(run)] for run, _ in runs]
        rows = {}
        for kind in ("masked", "unmasked"):
            for metric in ("ndcg@10", "recall@10"):
                values = [system[kind][metric] for system in ours]
                spread = statistics.stdev(values) if len(values) > 1 else 0.0
                rows[f"{kind} {metric}"] = {"mean": statistics.mean(values), "sd": spread, "values": values}
        report[name] = {"m6rec": rows, "seconds": [round(s, 1) for _, s in runs], "settings": SETTINGS[name] + args.extra,
                        "split": args.split, "seeds": seeds,
                        "baselines": {k: v["masked"] for k, v in systems.items() if k not in {str(r) for r, _ in runs}}}  # fmt: skip
        print(f"\n{name} ({args.split}, {len(seeds)} seeds)            NDCG@10   Recall@10")
        m, u = (rows[f"{kind} ndcg@10"] for kind in ("masked", "unmasked"))
        r, v = (rows[f"{kind} recall@10"] for kind in ("masked", "unmasked"))
        print(f"  {'m6rec, masked':34} {m['mean']:.4f} ± {m['sd']:.4f}   {r['mean']:.4f} ± {r['sd']:.4f}")
        print(f"  {'m6rec, unmasked':34} {u['mean']:.4f} ± {u['sd']:.4f}   {v['mean']:.4f} ± {v['sd']:.4f}")
        for baseline, figures in report[name]["baselines"].items():
            print(f"  {baseline:34} {figures['ndcg@10']:.4f}            {figures['recall@10']:.4f}")
        for peer, (ndcg, recall) in PEERS[name].items():
            print(f"  {peer:34} {ndcg:.4f}            {recall:.4f}")
        (args.out / "accuracy.json").write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
