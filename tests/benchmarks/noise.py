"""Random events among the training events, with and without the truncated loss, by the real commands.

    python tests/benchmarks/noise.py DATA_ROOT OUT [--sets ml-100k] [--shares 0,0.1,0.3] [--truncate 0.1]
        [--seed 0] [--extra KEY=VALUE ...]

A share of 0.1 adds one random event to ten real ones: a user, a place before his last two events and an item that
he never meets, all drawn evenly. What is to be found stays as it was. `left` is against the clean log without cleaning.
"""

import random
from pathlib import Path
from typing import Any

from _commands import SETTINGS, arguments, judged, prepared, raw, rows_of, save, table, trained, write_rows


def noisy(events: Path, items: list[str], share: float, out: Path, seed: int) -> Path:
    """The log with random events in it; whole users one after the other, in their order."""
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
    met = {user: {row["item_id"] for row in log} for user, log in logs.items()}
    extra: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for user, at in draw.choices(places, k=round(share * len(rows))):
        item = draw.choice(items)
        while item in met[user]:
            item = draw.choice(items)
        # The other columns, such as a rating, are those of any event; the time is that of the event which follows.
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
    args = arguments(__doc__, sets="ml-100k", shares="0,0.1,0.3", truncate="0.1", seed="0")
    report: dict[str, Any] = {}
    for name in args.sets.split(","):
        folder, rows = args.out / name, {}
        items = [row["item_id"] for row in rows_of(args.root / name / "items.csv")]
        for share in map(float, args.shares.split(",")):
            log = noisy(
                args.root / name / "interactions.csv",
                items,
                share,
                folder / f"events-{share}.csv",
                int(args.seed),
            )
            data = prepared(folder / f"data-{share}", raw(args.root, name, events=log))
            for label, settings in {"off": [], "on": [f"train.loss.truncate={args.truncate}"]}.items():
                run = trained("pretrain", data, folder / f"run-{share}-{label}-{args.seed}",
                              [*SETTINGS[name], *settings, *args.extra, f"train.seed={args.seed}"])  # fmt: skip
                found = judged([run], data)[str(run)]
                row = {"NDCG": found["ndcg"], "Recall": found["recall"], "interval": found["interval"]}
                rows[f"{share:.0%} random events, cleaning {label}"] = row
                clean = next(iter(rows.values()))["NDCG"]
                row["left"] = row["NDCG"] / clean if clean else None
                report[name] = rows
                save(args.out, "noise", report)
        table(name, rows, ("NDCG", "Recall", "left"))


if __name__ == "__main__":
    main()
