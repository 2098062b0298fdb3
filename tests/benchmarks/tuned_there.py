"""Does it pay to tune the run of another shop, where a shop has few users of its own?

    python tests/benchmarks/tuned_there.py DATA_ROOT OUT [--pairs beauty:office]
        [--shares 0.01,0.1,1] [--draws 0,1,2] [--split test]

The second shop has a share of its users, drawn anew for each draw, and knows of no others. Its
tables are read by the features of a run of the first (`--like`). Rows: what needs no training
there (`mixture`, and the run of the first shop as it is), a model that is trained there, and the
run of the first shop that is tuned there, its generator alone (the default of `finetune`) or all
parts. The run of the first shop is `OUT/FIRST/run-0` of `accuracy.py`, trained here if it is not
there. NDCG@10 over the whole catalogue, seen items masked, means over draws; p is that of the
paired test of each draw against the model trained there. "alone" is `recommend.ranking=model`.
"""

import statistics
from pathlib import Path
from typing import Any

import numpy as np
from _commands import (
    MODEL_ALONE,
    arguments,
    evaluated,
    prepared,
    raw,
    rows_of,
    save,
    sets,
    table,
    trained,
    write_rows,
)

ALL_PARTS = 'train.trainable=["encoder", "decoder", "generator"]'
TRAINED_THERE, AS_IT_IS = "trained there", "run of the first shop, as it is"
TUNED = {
    "tuned there, the generator": [],
    "tuned there, all parts": [ALL_PARTS],
    "tuned there, all parts, learning rate 0.0003": [ALL_PARTS, "train.learning_rate=0.0003"],
}


def part_of(root: Path, shop: str, share: float, draw: int, folder: Path) -> list[object]:
    """The tables of a shop with a share of its users; item ids that no other shop has."""
    events = rows_of(root / shop / "interactions.csv")
    users = sorted({row["user_id"] for row in events})
    n = max(1, round(share * len(users)))
    kept = set(np.random.default_rng(draw).permutation(np.array(users))[:n].tolist())
    tables = {
        "interactions": [row for row in events if row["user_id"] in kept],
        "items": rows_of(root / shop / "items.csv"),
    }
    flags: list[object] = []
    for kind, rows in tables.items():
        named = [{**row, "item_id": f"{shop}-{row['item_id']}"} for row in rows]
        flags += [f"--{kind}", write_rows(folder / f"{kind}.csv", named)]
    return flags


def measure(first: Path, folder: Path, seed: int, split: str) -> dict[str, dict[str, Any]]:
    """The rows of one draw."""
    data = folder / "data"
    runs = {
        AS_IT_IS: first,
        TRAINED_THERE: trained("pretrain", data, folder / "scratch", [f"train.seed={seed}"]),
    }
    for i, (label, settings) in enumerate(TUNED.items()):
        out = folder / f"tuned-{i}"
        settings = [*settings, f"train.seed={seed}"]
        runs[label] = trained("finetune", data, out, settings, "--init", first)
    at = ["--split", split]
    systems = list(runs.values())
    against = ("--against", runs[TRAINED_THERE])
    found = evaluated(systems, data, *at, "--baselines", "mixture,contentknn", *against)
    alone = evaluated(systems, data, *at, *sets([MODEL_ALONE]))
    rows = {name: {"NDCG": found[name]["ndcg"]} for name in ("mixture", "contentknn")}
    for label, run in runs.items():
        figures = found[str(run)]
        rows[label] = {
            "NDCG": figures["ndcg"],
            "alone": alone[str(run)]["ndcg"],
            "p": figures["p"],
            "users": figures["users"],
        }
    return rows


def over_draws(draws: list[dict[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Means over draws; the p-values of all."""
    rows: dict[str, dict[str, Any]] = {}
    for label in draws[0]:
        cells = [draw[label] for draw in draws]
        values = [cell["NDCG"] for cell in cells]
        rows[label] = {"NDCG": statistics.mean(values)}
        rows[label]["sd"] = statistics.stdev(values) if len(values) > 1 else None
        if "alone" in cells[0]:
            rows[label]["alone"] = statistics.mean(cell["alone"] for cell in cells)
            rows[label]["users"] = sum(cell["users"] for cell in cells)
        if cells[0].get("p") is not None:
            rows[label]["p"] = ", ".join(f"{cell['p']:.3f}" for cell in cells)
    return rows


def main() -> None:
    """Print a table for each pair and share."""
    args = arguments(
        __doc__, pairs="beauty:office", shares="0.01,0.1,1", draws="0,1,2", split="test"
    )
    report: dict[str, Any] = {}
    for pair in args.pairs.split(","):
        first, second = pair.split(":")
        source = prepared(args.out / first / "data", raw(args.root, first))
        home = trained("pretrain", source, args.out / first / "run-0", ["train.seed=0"])
        for share in map(float, args.shares.split(",")):
            draws = []
            for draw in map(int, args.draws.split(",")):
                folder = args.out / f"{first}-to-{second}-{share:g}-{draw}"
                flags = part_of(args.root, second, share, draw, folder)
                prepared(folder / "data", [*flags, "--like", source, "--yes"])
                draws.append(measure(home, folder, draw, args.split))
            title = f"{first} to {second}, {share:.0%} of the users ({args.split})"
            report[title] = over_draws(draws)
            table(title, report[title], ("NDCG", "sd", "alone", "users", "p"))
            save(args.out, "tuned_there", report)


if __name__ == "__main__":
    main()
