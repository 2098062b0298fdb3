"""Temporal splits: all later events and the next event while time goes on, beside the baselines.

    python tests/benchmarks/temporal.py DATA_ROOT OUT [--sets ml-100k,online-retail] [--seeds 0,1,2]
        [--split test] [--protocols all,rolling] [--baselines popularity,last-item,...]

DATA_ROOT has one folder per data set: `ml-100k/` and `ml-1m/` with `interactions.csv`, `items.csv`
and `users.csv`, and `online-retail/transactions.parquet`. The events of the last tenth of the time
span are test events, those of the tenth before it validation events. Everything runs by the
defaults. `--split test` reads the test events: use it once, for the report. The figures go to
OUT/temporal.json.
"""

from pathlib import Path
from typing import Any

from _commands import arguments, m6rec, prepared, raw, save, table, trained

BASELINES = "popularity,last-item,itemknn,ease,cooccurrence,repeats,mixture"
PROTOCOLS = {"all": "all later events", "rolling": "next event"}


def tables(root: Path, name: str) -> list[object]:
    """The flags that name a data set's tables."""
    if name == "online-retail":
        file = root / name / "transactions.parquet"
        return ["--interactions", file, "--items-from-interactions"]
    return raw(root, name)


def ask(runs: list[Path], data: Path, protocol: str, split: str, baselines: str) -> dict[str, Any]:
    """The report of one protocol."""
    return m6rec(
        "evaluate",
        *runs,
        "--data",
        data,
        "--protocol",
        protocol,
        "--split",
        split,
        "--baselines",
        baselines,
        "--quiet",
    )


def rows_of_report(report: dict[str, Any], runs: list[Path]) -> dict[str, dict[str, Any]]:
    """A row per system; runs of several seeds are one row, the mean over seeds."""
    view = report["headline"]
    other = "unmasked" if view == "masked" else "masked"
    rows = {}
    for group in report.get("seeds", []):
        rows[f"m6rec, {len(group['runs'])} seeds"] = {
            "ndcg@10": group[view]["ndcg@10"]["mean"],
            "sd": group[view]["ndcg@10"]["sd"],
            "recall@10": group[view]["recall@10"]["mean"],
            f"ndcg@10 {other}": group[other]["ndcg@10"]["mean"],
        }
    for name, system in report["systems"].items():
        if name in set(map(str, runs)) and report.get("seeds"):
            continue
        rows["m6rec" if system["kind"] == "run" else name] = {
            "ndcg@10": system[view]["ndcg@10"],
            "recall@10": system[view]["recall@10"],
            f"ndcg@10 {other}": system[other]["ndcg@10"],
        }
    tests = [(pair["b"], pair["metrics"]["ndcg@10"]) for pair in report["comparisons"]]
    if tests:
        best, test = tests[0]
        next(iter(rows.values()))["p"] = f"{test['p_adjusted']:.4f} ({best})"
    return rows


def main() -> None:
    args = arguments(
        __doc__,
        sets="ml-100k,online-retail",
        seeds="0,1,2",
        split="test",
        protocols=",".join(PROTOCOLS),
        baselines=BASELINES,
    )
    found: dict[str, Any] = {}
    for name in args.sets.split(","):
        data = prepared(args.out / name / "data", tables(args.root, name), "data.split=temporal")
        runs = [
            trained(
                "pretrain",
                data,
                args.out / name / f"run-{seed}",
                [*args.extra, f"train.seed={seed}"],
            )
            for seed in args.seeds.split(",")
        ]
        for protocol in args.protocols.split(","):
            words = PROTOCOLS[protocol]
            report = ask(runs, data, protocol, args.split, args.baselines)
            rows = rows_of_report(report, runs)
            view = report["headline"]
            other = "unmasked" if view == "masked" else "masked"
            table(
                f"{name}, {words} ({args.split}, {view}): {report['users']:,} users, "
                f"{report['queries']:,} lists, {report['targets']:,} true items",
                rows,
                ("ndcg@10", "sd", "recall@10", f"ndcg@10 {other}", "p"),
            )
            found.setdefault(name, {})[words] = {
                "users": report["users"],
                "lists": report["queries"],
                "targets": report["targets"],
                "headline": view,
                "rows": rows,
            }
            save(args.out, "temporal", found)


if __name__ == "__main__":
    main()
