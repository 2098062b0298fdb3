"""Users that nobody has met: a tenth of MovieLens' users held out entirely, by the real commands.

    python tests/benchmarks/cold_users.py DATA_ROOT OUT [--seed 0] [--extra KEY=VALUE ...]

Lists come from `recommend` with raw profiles and the first 0, 1, 2 or 5 events. What is to be found is the same
for all: everything that the user did after the fifth event. Items among the first five are masked everywhere.
Popularity is that of the training events. Figures are NDCG@10 and Recall@10 over several true items a user.
"""

from pathlib import Path
from typing import Any

import polars as pl
from _commands import (
    SETTINGS,
    arguments,
    judged,
    m6rec,
    prepared,
    raw,
    rows_of,
    save,
    table,
    trained,
    write_rows,
)

NAME = "ml-100k"
KNOWN = (0, 1, 2, 5)
COLD = 3
DAY = 86_400


def cold_logs(data: Path, events: Path) -> dict[str, list[dict[str, str]]]:
    """The raw events of the held-out users in order of time."""
    frame = pl.read_parquet(str(data / "events" / "*.parquet"), columns=["user_row", "split"])
    rows = frame.filter(pl.col("split") == COLD)["user_row"].unique()
    ids = set(pl.read_parquet(data / "users.parquet")["id"].gather(rows))
    logs: dict[str, list[dict[str, str]]] = {name: [] for name in sorted(ids)}
    for row in rows_of(events):
        if row["user_id"] in logs:
            logs[row["user_id"]].append(row)
    for log in logs.values():
        log.sort(key=lambda row: int(row["timestamp"]))
    return {name: log for name, log in logs.items() if len(log) > max(KNOWN)}


def question(logs: dict[str, list[dict[str, str]]], args: Any, data: Path) -> Path:
    """A data directory whose test split is all that follows the first five events of each new user."""
    rows = [
        {**row, "timestamp": 10**9 + n + (0 if n < max(KNOWN) else 1000 * DAY)}
        for log in logs.values() for n, row in enumerate(log)
    ]  # fmt: skip
    flags = raw(args.root, NAME, events=write_rows(args.out / "later.csv", rows))
    settings = ("data.split=temporal", "data.valid_fraction=0.0", "data.test_fraction=0.5")
    return prepared(args.out / "later", [*flags, "--like", data], *settings)


def popular(data: Path, users: list[str], out: Path) -> Path:
    """The same list for everybody: the items with the most training events."""
    items = pl.read_parquet(data / "items.parquet").sort("popularity", descending=True, maintain_order=True)
    best = items["id"].head(20 + max(KNOWN)).to_list()
    return write_rows(
        out, [{"user_id": u, "item_id": i, "rank": r} for u in users for r, i in enumerate(best, 1)]
    )


def main() -> None:
    args = arguments(__doc__, seed="0")
    events = args.root / NAME / "interactions.csv"
    data = prepared(args.out / "data", raw(args.root, NAME), "data.cold_users=0.1")
    run = trained("pretrain", data, args.out / f"run-{args.seed}",
                  [*SETTINGS[NAME], *args.extra, f"train.seed={args.seed}"])  # fmt: skip
    logs = cold_logs(data, events)
    profiles = write_rows(args.out / "profiles.csv",
                          [row for row in rows_of(args.root / NAME / "users.csv") if row["user_id"] in logs])  # fmt: skip
    lists = {"popularity": popular(data, list(logs), args.out / "popularity.csv")}
    bases = {}
    for n in KNOWN:
        label = "profile alone" if n == 0 else f"profile and {n} event{'s' if n > 1 else ''}"
        lists[label] = args.out / f"after-{n}.csv"
        known = [row for log in logs.values() for row in log[:n]]
        some = ["--interactions", write_rows(args.out / f"events-{n}.csv", known)] if known else []
        bases[label] = m6rec("recommend", run, "--profiles", profiles, *some, "-k", 20 + max(KNOWN), "--out", lists[label],
                             "--overwrite", "--quiet")["basis"]  # fmt: skip
    later = question(logs, args, data)
    flags = [x for path in lists.values() for x in ("--recs", path)]
    found = judged([], later, *flags, "--against", lists["popularity"])
    rows = {label: {"NDCG": found[str(path)]["ndcg"], "Recall": found[str(path)]["recall"], "users": len(logs),
                    "interval": found[str(path)]["interval"], "p": found[str(path)]["p"], "basis": bases.get(label)}
            for label, path in lists.items()}  # fmt: skip
    table(f"{NAME}: new users", rows, ("NDCG", "Recall", "p", "users"))
    save(args.out, "cold_users", rows)


if __name__ == "__main__":
    main()
