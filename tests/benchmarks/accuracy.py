"""Accuracy on public data over seeds, beside peers and baselines, by the real commands.

    python tests/benchmarks/accuracy.py DATA_ROOT OUT [--sets beauty,ml-100k,office]
        [--seeds 0,1,2] [--split test|valid] [--inner] [--extra 'model.width=128' ...]
        [--stages pretrain|both]

DATA_ROOT has one folder per data set with `interactions.csv`, `items.csv` and, for MovieLens,
`users.csv` and `posters/`. Protocol: leave-one-out by time, ties in file order, full ranking, seen
items masked; the unmasked figures are shown, too. Tune with `--split valid`, or with `--inner` on a
log without each user's last event, whose test events are the real validation events; use the test
split once, for the report. OUT gets data and run directories, and `accuracy.json`.
"""

import argparse
import json
import statistics
from pathlib import Path

from _commands import SETTINGS, m6rec, prepared, raw, rows_of, trained, write_rows

PEERS = {
    "beauty": {
        "RecTools SASRec, full softmax": (0.0476, 0.0813),
        "BSARec, published": (0.0611, 0.1008),
    },
    "ml-100k": {
        "RecTools SASRec + genres + year": (0.1087, 0.2142),
        "RecBole GRU4Rec": (0.0904, 0.1866),
    },
    "office": {},
}
"""Masked NDCG@10 and Recall@10 on test: published, or measured on one seed by the same protocol."""


def one(root: Path, out: Path, name: str, seed: int, args: argparse.Namespace) -> Path:
    """Train one seed and return the run directory."""
    folder = place(out, name, args)
    events = inner(root / name / "interactions.csv", folder / "inner.csv") if args.inner else None
    data = prepared(folder / "data", raw(root, name, events=events))
    chosen = [*SETTINGS[name], *args.extra, f"train.seed={seed}"]
    run = trained("pretrain", data, folder / f"pretrained-{seed}", chosen)
    if args.stages == "both":
        run = trained(
            "finetune", data, folder / f"tuned-{seed}", [f"train.seed={seed}"], "--init", run
        )
    return run


def place(out: Path, name: str, args: argparse.Namespace) -> Path:
    """The folder of a data set; the inner log and the whole one have different ones."""
    return out / (f"{name}-inner" if args.inner else name)


def inner(events: Path, to: Path) -> Path:
    """The log without each user's last event, so that tuning never sees the real test events."""
    rows = rows_of(events)
    when = list(rows[0])[-1]
    last: dict[str, tuple[float, int]] = {}
    for i, row in enumerate(rows):
        last[row["user_id"]] = max(last.get(row["user_id"], (-1.0, -1)), (float(row[when]), i))
    gone = {i for _, i in last.values()}
    return write_rows(to, [row for i, row in enumerate(rows) if i not in gone])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--sets", default="beauty,ml-100k,office")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--split", default="test", choices=("test", "valid"))
    parser.add_argument("--inner", action="store_true")
    parser.add_argument("--stages", default="pretrain", choices=("pretrain", "both"))
    parser.add_argument("--extra", action="append", default=[], metavar="KEY=VALUE")
    args = parser.parse_args()

    path = args.out / "accuracy.json"
    report = json.loads(path.read_text()) if path.exists() else {}
    for name in args.sets.split(","):
        seeds = [int(seed) for seed in args.seeds.split(",")]
        runs = [one(args.root, args.out, name, seed, args) for seed in seeds]
        answer = m6rec(
            "evaluate",
            *runs,
            "--data",
            place(args.out, name, args) / "data",
            "--split",
            args.split,
            "--baselines",
            "popularity,last-item,itemknn,ease,cooccurrence,mixture",
        )
        systems = answer["systems"]
        ours = [systems[str(run)] for run in runs]
        rows = {}
        for kind in ("masked", "unmasked"):
            for metric in ("ndcg@10", "recall@10"):
                values = [system[kind][metric] for system in ours]
                spread = statistics.stdev(values) if len(values) > 1 else 0.0
                rows[f"{kind} {metric}"] = {
                    "mean": statistics.mean(values),
                    "sd": spread,
                    "values": values,
                }
        report[name] = {
            "m6rec": rows,
            "seconds": [json.loads((run / "run.json").read_text())["seconds"] for run in runs],
            "settings": SETTINGS[name] + args.extra,
            "split": args.split,
            "seeds": seeds,
            "baselines": {
                k: v["masked"] for k, v in systems.items() if k not in set(map(str, runs))
            },
        }
        print(f"\n{name} ({args.split}, {len(seeds)} seeds)            NDCG@10   Recall@10")
        m, u = (rows[f"{kind} ndcg@10"] for kind in ("masked", "unmasked"))
        r, v = (rows[f"{kind} recall@10"] for kind in ("masked", "unmasked"))
        print(
            f"  {'m6rec, masked':34} {m['mean']:.4f} ± {m['sd']:.4f}   "
            f"{r['mean']:.4f} ± {r['sd']:.4f}"
        )
        print(
            f"  {'m6rec, unmasked':34} {u['mean']:.4f} ± {u['sd']:.4f}   "
            f"{v['mean']:.4f} ± {v['sd']:.4f}"
        )
        for baseline, figures in report[name]["baselines"].items():
            print(f"  {baseline:34} {figures['ndcg@10']:.4f}            {figures['recall@10']:.4f}")
        for peer, (ndcg, recall) in (
            PEERS[name].items() if args.split == "test" and not args.inner else ()
        ):
            print(f"  {peer:34} {ndcg:.4f}            {recall:.4f}")
        path.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
