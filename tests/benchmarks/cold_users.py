"""Cold users: a tenth of MovieLens' users is held out entirely.

    python tests/benchmarks/cold_users.py DATA_ROOT OUT [--seed 0] [--extra KEY=VALUE ...]

Lists come from `recommend` with raw profiles and the first 0, 1, 2 or 5 events. Two targets:
`next`, the following event, as in the other benchmarks; and `all later`, all events after the
fifth, the same for all lists, with the first five masked. Popularity counts training events.
Figures are NDCG@10: of a run with the defaults, of one trained with `train.future_targets` (by the
model alone, since the graphs predict `next`), and of one trained with `model.long_horizon`, asked
both questions.
"""

import itertools
from pathlib import Path
from typing import Any

import polars as pl
from _commands import (
    MODEL_ALONE,
    SETTINGS,
    arguments,
    evaluated,
    m6rec,
    prepared,
    raw,
    rows_of,
    save,
    sets,
    table,
    trained,
    write_rows,
)

NAME = "ml-100k"
KNOWN = (0, 1, 2, 5)
TRAINED: dict[str, list[str]] = {
    "": [],
    " long run": [f"train.future_targets={max(KNOWN) + 1}", "model.modality_dropout=0.5"],
    " both": [f"model.long_horizon={max(KNOWN) + 1}"],
}
"""The settings of the runs."""
ASKED: dict[str, tuple[str, list[str]]] = {
    "": ("", []),
    " long run": (" long run", [MODEL_ALONE]),
    " both, next": (" both", []),
    " both, long": (" both", ["recommend.horizon=long"]),
}
"""The run of each row, and the settings of its lists."""
COLD = 3
DAY = 86_400


def cold_logs(data: Path, events: Path) -> dict[str, list[dict[str, str]]]:
    """The raw events of the held-out users, by time."""
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


def question(
    logs: dict[str, list[dict[str, str]]], args: Any, data: Path, n: int, last: int | None
) -> Path:
    """A data directory whose test split has each cold user's events `n` to `last`."""
    rows = [
        {**row, "timestamp": 10**9 + at + (0 if at < n else 1000 * DAY)}
        for log in logs.values()
        for at, row in enumerate(log[:last])
    ]
    # Of no interest, but a log without any event before the split is none.
    rows.append({**rows[0], "user_id": "nobody", "timestamp": 10**9})
    name = f"{'later' if last is None else 'next'}-{n}"
    flags = raw(args.root, NAME, events=write_rows(args.out / f"{name}.csv", rows))
    settings = ("data.split=temporal", "data.valid_fraction=0.0", "data.test_fraction=0.5")
    return prepared(args.out / name, [*flags, "--like", data], *settings)


def popular(data: Path, users: list[str], out: Path) -> Path:
    """The same list for all users: the items with the most training events."""
    items = pl.read_parquet(data / "items.parquet").sort(
        "popularity", descending=True, maintain_order=True
    )
    best = items["id"].head(20 + max(KNOWN)).to_list()
    return write_rows(
        out, [{"user_id": u, "item_id": i, "rank": r} for u in users for r, i in enumerate(best, 1)]
    )


def main() -> None:
    args = arguments(__doc__, seed="0")
    events = args.root / NAME / "interactions.csv"
    data = prepared(args.out / "data", raw(args.root, NAME), "data.cold_users=0.1")
    runs = {
        name: trained(
            "pretrain",
            data,
            args.out / f"run-{args.seed}{name.replace(' ', '-')}",
            [*SETTINGS[NAME], *args.extra, f"train.seed={args.seed}", *more],
        )
        for name, more in TRAINED.items()
    }
    logs = cold_logs(data, events)
    profiles = write_rows(
        args.out / "profiles.csv",
        [row for row in rows_of(args.root / NAME / "users.csv") if row["user_id"] in logs],
    )
    popularity = popular(data, list(logs), args.out / "popularity.csv")
    later = question(logs, args, data, max(KNOWN), None)
    rows: dict[str, dict[str, Any]] = {}
    for n, (model, (run, asked)) in itertools.product(KNOWN, ASKED.items()):
        label = "profile alone" if n == 0 else f"profile and {n} event{'s' if n > 1 else ''}"
        lists = args.out / f"after-{n}{model.replace(', ', ' ').replace(' ', '-')}.csv"
        known = [row for log in logs.values() for row in log[:n]]
        some = ["--interactions", write_rows(args.out / f"events-{n}.csv", known)] if known else []
        basis = m6rec(
            "recommend",
            runs[run],
            "--users",
            profiles,
            *some,
            "-k",
            20 + max(KNOWN),
            "--out",
            lists,
            *sets(asked),
            "--overwrite",
            "--quiet",
        )["basis"]
        row = rows[label + model] = {"basis": basis, "users": len(logs)}
        for name, data_ in (("next", question(logs, args, data, n, n + 1)), ("all later", later)):
            found = evaluated(
                [], data_, "--recs", lists, "--recs", popularity, "--against", popularity
            )
            ours, theirs = found[str(lists)], found[str(popularity)]
            row |= {
                name: ours["ndcg"],
                f"{name}, popularity": theirs["ndcg"],
                f"{name}, p": ours["p"],
                f"{name}, interval": ours["interval"],
            }
    columns = [
        c for name in ("next", "all later") for c in (name, f"{name}, popularity", f"{name}, p")
    ]
    table(f"{NAME}: new users", rows, [*columns, "users"])
    save(args.out, "cold_users", rows)


if __name__ == "__main__":
    main()
