"""How much figures depend on the order of a user's events of the same time.

    python tests/benchmarks/tie_orders.py DATA_ROOT OUT [--set ml-100k] [--orders 5]
        [--split valid] [--train 0] [--baselines popularity,last-item,...]

The log is preprocessed in file order and with `data.tie_order=random` for several `data.seed`;
each time, other events are held out. The table shows NDCG@10 in file order, and its mean, standard
deviation, least and largest value over the random orders. `--train 1` trains a model by the
defaults for each order, too. The figures go to OUT/tie_orders.json.
"""

import statistics
from pathlib import Path

from _commands import arguments, evaluated, prepared, raw, save, table, trained

MODEL = "m6rec by its defaults"


def figures(data: Path, run: Path | None, split: str, baselines: str) -> dict[str, float]:
    """NDCG@10 of every system on one data directory."""
    systems = [] if run is None else [run]
    found = evaluated(systems, data, "--split", split, "--baselines", baselines)
    return {MODEL if name == str(run) else name: row["ndcg"] for name, row in found.items()}


def main() -> None:
    args = arguments(
        __doc__,
        set="ml-100k",
        orders="5",
        split="valid",
        train="0",
        baselines="popularity,last-item,itemknn,ease,cooccurrence,mixture",
    )
    orders = {"file": ["data.tie_order=file"]}
    orders |= {
        f"random-{n}": ["data.tie_order=random", f"data.seed={n}"] for n in range(int(args.orders))
    }
    found: dict[str, dict[str, float]] = {}
    for name, settings in orders.items():
        folder = args.out / args.set / name
        data = prepared(folder / "data", raw(args.root, args.set), *settings)
        run = None
        if args.train != "0":
            run = trained("pretrain", data, folder / "run", args.extra)
        found[name] = figures(data, run, args.split, args.baselines)
    rows = {}
    for system in found["file"]:
        values = [row[system] for name, row in found.items() if name != "file"]
        rows[system] = {
            "file order": found["file"][system],
            "random orders": statistics.mean(values),
            "sd": statistics.stdev(values) if len(values) > 1 else None,
            "least": min(values),
            "largest": max(values),
        }
    table(
        f"{args.set} ({args.split}): NDCG@10 over {args.orders} random orders within ties",
        rows,
        ("file order", "random orders", "sd", "least", "largest"),
    )
    save(args.out, "tie_orders", rows)


if __name__ == "__main__":
    main()
