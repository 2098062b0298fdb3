"""Random events among the training events, with and without the truncated loss.

    python tests/benchmarks/noise.py DATA_ROOT OUT [--sets ml-100k] [--shares 0,0.1,0.3]
        [--truncate 0.1] [--seeds 0,1,2] [--noise_seed 0] [--extra KEY=VALUE ...]

A share of 0.1 adds one random event to ten real ones: a user, a position before their last two
events, and an item that they have no event with, all drawn uniformly. The held-out events stay.
`left` compares with the same system on the clean log, without truncation. `--truncate 0` skips
truncation.
"""

import random
import statistics
from pathlib import Path
from typing import Any

from _commands import (
    SETTINGS,
    arguments,
    evaluated,
    prepared,
    raw,
    rows_of,
    save,
    table,
    trained,
    write_rows,
)

BASELINES = ("last-item", "itemknn", "ease", "popularity")


def noisy(events: Path, items: list[str], share: float, out: Path, seed: int) -> Path:
    """The log with random events added, user by user."""
    if out.exists():
        return out
    draw = random.Random(seed)
    time = "timestamp" if "timestamp" in rows_of(events)[0] else "order"
    logs: dict[str, list[dict[str, str]]] = {}
    rows = rows_of(events)
    for row in rows:
        logs.setdefault(row["user_id"], []).append(row)
    for log in logs.values():
        log.sort(key=lambda row: int(row[time]))
    places = [(user, at) for user, log in logs.items() for at in range(len(log) - 2)]
    seen = {user: {row["item_id"] for row in log} for user, log in logs.items()}
    extra: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for user, at in draw.choices(places, k=round(share * len(rows))):
        item = draw.choice(items)
        while item in seen[user]:
            item = draw.choice(items)
        # Other columns, such as a rating, come from a random event, the time from the next one.
        made = {**draw.choice(rows), "user_id": user, "item_id": item, time: logs[user][at][time]}
        extra.setdefault(user, []).append((at, made))
    merged: list[dict[str, Any]] = []
    for user, log in logs.items():
        before = sorted(extra.get(user, []), key=lambda pair: pair[0])
        for at, row in enumerate(log):
            while before and before[0][0] == at:
                merged.append(before.pop(0)[1])
            merged.append(row)
    if time == "order":
        merged = [{**row, time: n} for n, row in enumerate(merged)]
    return write_rows(out, merged)


def main() -> None:
    args = arguments(
        __doc__, sets="ml-100k", shares="0,0.1,0.3", truncate="0.1", seeds="0", noise_seed="0"
    )
    report: dict[str, Any] = {}
    cleaning = (
        {"off": [], "on": [f"train.loss.truncate={args.truncate}"]}
        if float(args.truncate)
        else {"off": []}
    )
    for name in args.sets.split(","):
        folder, rows = args.out / f"{name}-{args.noise_seed}", {}
        items = [row["item_id"] for row in rows_of(args.root / name / "items.csv")]
        clean: dict[str, float] = {}
        for share in map(float, args.shares.split(",")):
            log = noisy(
                args.root / name / "interactions.csv",
                items,
                share,
                folder / f"events-{share}.csv",
                int(args.noise_seed),
            )
            data = prepared(folder / f"data-{share}", raw(args.root, name, events=log))
            runs = {
                label: [
                    trained(
                        "pretrain",
                        data,
                        folder / f"run-{share}-{label}-{seed}",
                        [*SETTINGS[name], *settings, *args.extra, f"train.seed={seed}"],
                    )
                    for seed in args.seeds.split(",")
                ]
                for label, settings in cleaning.items()
            }
            found = evaluated(
                [run for seeds in runs.values() for run in seeds],
                data,
                "--baselines",
                ",".join(BASELINES),
            )
            systems = {
                f"m6rec, cleaning {label}": list(map(str, seeds)) for label, seeds in runs.items()
            }
            for label, names in (
                systems | {baseline: [baseline] for baseline in BASELINES}
            ).items():
                ndcg = statistics.mean(found[n]["ndcg"] for n in names)
                base = clean.setdefault(label.replace("cleaning on", "cleaning off"), ndcg)
                rows[f"{share:.0%} random events, {label}"] = {
                    "NDCG": ndcg,
                    "sd": statistics.stdev(found[n]["ndcg"] for n in names)
                    if len(names) > 1
                    else None,
                    "Recall": statistics.mean(found[n]["recall"] for n in names),
                    "left": ndcg / base if base else None,
                }
            report[name] = rows
            save(args.out, "noise", report)
        table(name, rows, ("NDCG", "sd", "Recall", "left"))


if __name__ == "__main__":
    main()
