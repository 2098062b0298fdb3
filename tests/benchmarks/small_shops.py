"""The model by its defaults against every baseline on small parts of real logs.

    python tests/benchmarks/small_shops.py DATA_ROOT OUT [--events 1000,3000] [--inner]
        [--shops office,beauty] [--seeds 0,1] [--home RUN] [--extra KEY=VALUE ...]

A part has the events of random users, as many as it takes; users with more than a fifth of
a part are left out. Of Online Retail, the customers of the lines as the shop exported them. The
table has NDCG@10 (unmasked where people repeat) and the p-value of the paired test
of the model against the best baseline. `--home` adds a run of another shop without training there:
its NDCG@10, and the p-value against the best baseline.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from _commands import m6rec, sets, table

BASELINES = "popularity,last-item,itemknn,ease,cooccurrence,mixture"
SHOPS = {
    "office": "user_id",
    "beauty": "user_id",
    "ml-100k": "user_id",
    "online-retail": "CustomerID",
}


def part_of(log: pl.DataFrame, user: str, n_events: int) -> pl.DataFrame:
    """The events of random users, about `n_events`."""
    sizes = log.group_by(user).len().sort(user)
    sizes = sizes.filter(pl.col("len") <= n_events / 5)
    order = np.random.default_rng(1).permutation(len(sizes))
    sizes = sizes[order]
    before = sizes["len"].cum_sum() - sizes["len"]
    return log.filter(pl.col(user).is_in(sizes.filter(before < n_events)[user].implode()))


def without_last_events(log: pl.DataFrame, user: str) -> pl.DataFrame:
    """The log without each user's last event: its test events are the real validation events."""
    time = next(name for name in ("timestamp", "order", "InvoiceDate") if name in log.columns)
    log = log.with_row_index("__line").sort(user, time, "__line")
    last = pl.int_range(pl.len()).over(user) == pl.len().over(user) - 1
    return log.filter(~last).sort("__line").drop("__line")


def flags(root: Path, shop: str, log: Path) -> list[object]:
    """The flags of `preprocess` for a part of a shop's log."""
    if shop == "online-retail":
        return ["--interactions", log, "--items-from-interactions"]
    users = root / shop / "users.csv"
    out = ["--interactions", log, "--items", root / shop / "items.csv", "--yes"]
    return [*out, "--users", users] if users.exists() else out


def read_log(root: Path, shop: str) -> pl.DataFrame:
    """The whole log of a shop; customers without a number are left out."""
    if shop == "online-retail":
        lines = pl.read_parquet(root / shop / "transactions.parquet")
        return lines.filter(pl.col("CustomerID") != 0)
    return pl.read_csv(root / shop / "interactions.csv")


def figures(report: dict[str, Any], run: str) -> dict[str, Any]:
    """The row of a part: the headline NDCG@10 of each system."""
    view = report["headline"]
    row: dict[str, Any] = {"users": report["users"], "view": view}
    for name, system in report["systems"].items():
        row["model" if name == run else name] = system[view]["ndcg@10"]
    for pair in report["comparisons"]:
        if run in (pair["a"], pair["b"]):
            row["p"] = pair["metrics"]["ndcg@10"]["p_value"]
    return row


def home_figures(home: Path, data: Path, table_flags: list[object], split: str) -> dict[str, Any]:
    """The columns of a run of another shop, which reads the part by its own features."""
    if not (data / "manifest.json").exists():
        m6rec("preprocess", *table_flags, "--like", home, "--out", data, "--quiet")
    on = ["--data", data, "--split", split, "--baselines", BASELINES, "--quiet"]
    row = figures(m6rec("evaluate", home, *on), str(home))
    return {"home run": row["model"], "home p": row["p"]}


def main() -> None:
    """Print a table with a row for each part and seed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--shops", default=",".join(SHOPS))
    parser.add_argument("--events", default="1000,3000,10000,30000")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--split", default="test")
    parser.add_argument("--inner", action="store_true", help="without each user's last event")
    parser.add_argument("--home", type=Path, help="a run of another shop")
    parser.add_argument("--extra", action="append", default=[], metavar="KEY=VALUE")
    args = parser.parse_args()
    rows: dict[str, dict[str, Any]] = {}
    for shop in args.shops.split(","):
        log = read_log(args.root, shop)
        for n_events in map(int, args.events.split(",")):
            folder = args.out / f"{shop}-{n_events}"
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / "log.parquet"
            part = part_of(log, SHOPS[shop], n_events)
            if args.inner:
                part = without_last_events(part, SHOPS[shop])
            part.write_parquet(path)
            data, own = folder / "data", flags(args.root, shop, path)
            if not (data / "manifest.json").exists():
                m6rec("preprocess", *own, "--out", data, "--quiet")
            elsewhere = {}
            if args.home:
                elsewhere = home_figures(args.home, folder / "data-like", own, args.split)
            for seed in args.seeds.split(","):
                run = folder / f"run{seed}"
                seeds = sets([f"train.seed={seed}", *args.extra])
                m6rec("pretrain", data, *seeds, "--out", run, "--resume", "--quiet")
                split = ["--split", args.split, "--baselines", BASELINES]
                report = m6rec("evaluate", run, "--data", data, *split, "--quiet")
                row = figures(report, str(run)) | elsewhere
                rows[f"{shop} {n_events:,}, seed {seed}"] = row
    columns = ["users", "view", "model", *BASELINES.split(","), "p"]
    columns += ["home run", "home p"] if args.home else []
    table("NDCG@10 of small shops", rows, columns)


if __name__ == "__main__":
    main()
