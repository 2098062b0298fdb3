"""New items as their first events come in: the same run, a retrained one, and content kNN.

    python tests/benchmarks/item_replay.py DATA_ROOT OUT [--sets ml-100k,beauty]
        [--events 0,1,2,5,20,all] [--retrain 5,20,all] [--seed 0] [--extra KEY=VALUE ...]

A fifth of the items with at least 21 events of the first users is new: the run is trained without
their events, and without their lines in the item table. Users are in a drawn order. The first seven
tenths of them bring the events that are known of a new item: none, its first one, two and so on.
Each of the others who has an event on a new item is asked for the last such event, after what they
had done before it on other items. So the targets are the same in every column. The whole catalogue
is ranked, seen items masked, NDCG@10. "Retrained" is `pretrain` on the log with these events.
"""

import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

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

Row = dict[str, str]

BASELINES = "contentknn,cooccurrence,last-item,popularity"
EVALUATED = {
    "m6rec, not retrained": [],
    "the same, recommend.cold_item_bonus=1": ["recommend.cold_item_bonus=1"],
    "the same, model alone": [MODEL_ALONE],
}
NEW_SHARE, SOURCE_SHARE, MOST_EVENTS, LEAST_HISTORY = 0.2, 0.7, 20, 3


@dataclass(frozen=True)
class Replay:
    """A log in which some items are new.

    Attributes:
        histories: Events of each user, in order. Of users who are asked: those before the target,
            on items that are not new.
        targets: The event on a new item that each of these users is asked for.
        arrivals: Users with an event on each new item, in the order in which they come.
    """

    histories: dict[str, list[Row]]
    targets: dict[str, Row]
    arrivals: dict[str, list[str]]

    def log(self, known: int | None) -> list[Row]:
        """The log with the first `known` events of each new item, None for all."""
        kept = {(item, user) for item, users in self.arrivals.items() for user in users[:known]}
        return [
            row
            for user, rows in self.histories.items()
            for row in rows
            if row["item_id"] not in self.arrivals or (row["item_id"], user) in kept
        ]


def replay(events: Iterable[Row], order: str, seed: int) -> Replay:
    """Draw new items and the users who are asked.

    Args:
        order: The column that the events of a user are sorted by.
    """
    rng, histories = random.Random(seed), defaultdict(list)
    for row in events:
        histories[row["user_id"]].append(row)
    users = sorted(histories)
    rng.shuffle(users)
    for rows in histories.values():
        rows.sort(key=lambda row: float(row[order]))
    n_source = round(SOURCE_SHARE * len(users))
    buyers: dict[str, list[str]] = defaultdict(list)
    for user in users[:n_source]:
        for item in dict.fromkeys(row["item_id"] for row in histories[user]):
            buyers[item].append(user)
    often = sorted(item for item, found in buyers.items() if len(found) > MOST_EVENTS)
    new = set(rng.sample(often, round(NEW_SHARE * len(often))))
    targets = {}
    for user in users[n_source:]:
        rows = histories[user]
        last = max((i for i, row in enumerate(rows) if row["item_id"] in new), default=None)
        before = [row for row in rows[:last] if row["item_id"] not in new]
        histories[user] = before
        if last is not None and len(before) >= LEAST_HISTORY:
            targets[user] = rows[last]
    return Replay(dict(histories), targets, {item: buyers[item] for item in sorted(new)})


def asked(log: Iterable[Row], targets: dict[str, Row]) -> list[Row]:
    """The log and the targets, with the column `asked`: 1 for a target and the event before it.

    Leave-one-out takes the last of at least two events with a label.
    """
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in log:
        rows[row["user_id"]].append({**row, "asked": "0"})
    for user, target in targets.items():
        rows[user][-1]["asked"] = "1"
        rows[user].append({**target, "asked": "1"})
    return [row for history in rows.values() for row in history]


def measure(name: str, args: Any) -> dict[str, dict[str, Any]]:
    """The rows of a data set; columns are the known events of a new item."""
    folder, source = args.out / f"replay-{name}", args.root / name
    folder.mkdir(parents=True, exist_ok=True)
    events = rows_of(source / "interactions.csv")
    found = replay(events, list(events[0])[-1], int(args.seed))
    items = rows_of(source / "items.csv")
    old_items = [row for row in items if row["item_id"] not in found.arrivals]
    write_rows(folder / "old_items.csv", old_items)
    _, _, *everything = [*raw(args.root, name), "--media", source]
    without = ["--items", folder / "old_items.csv", *everything[2:]]
    seed = [*args.extra, f"train.seed={args.seed}"]
    base_log = write_rows(folder / "log-0.csv", found.log(0))
    base_data = prepared(folder / "base", ["--interactions", base_log, *without])
    base = trained("pretrain", base_data, folder / "run", seed)
    like = ["--like", base_data]
    rows: dict[str, dict[str, Any]] = defaultdict(dict)
    for text in args.events.split(","):
        known = None if text == "all" else int(text)
        log = found.log(known)
        path = write_rows(folder / f"asked-{text}.csv", asked(log, found.targets))
        label = ["--positive", "asked == 1"]
        data = prepared(
            folder / f"asked-{text}",
            ["--interactions", path, *everything, *like, *label],
        )
        for title, settings in EVALUATED.items():
            baselines = () if settings else ("--baselines", BASELINES)
            cells = evaluated([base], data, *baselines, *sets(settings))
            for system, figures in cells.items():
                row = title if system == str(base) else system
                rows[row][text] = figures["ndcg"]
                rows[row]["users"] = figures["users"]
        if text in args.retrain.split(","):
            log_path = write_rows(folder / f"log-{text}.csv", log)
            new_data = prepared(
                folder / f"train-{text}", ["--interactions", log_path, *everything, *like]
            )
            run = trained("pretrain", new_data, folder / f"retrained-{text}", seed)
            rows["m6rec, retrained"][text] = evaluated([run], data)[str(run)]["ndcg"]
            rows["m6rec, retrained"]["users"] = len(found.targets)
    rows["new items"]["users"] = len(found.arrivals)
    return dict(rows)


def main() -> None:
    """Print a table for each data set."""
    args = arguments(
        __doc__,
        sets="ml-100k,beauty",
        events="0,1,2,5,20,all",
        retrain="5,20,all",
        seed="0",
    )
    report = {}
    for name in args.sets.split(","):
        report[name] = measure(name, args)
        columns = (*args.events.split(","), "users")
        table(f"{name}: NDCG@10 after so many events of the item", report[name], columns)
        save(args.out, "item_replay", report)


if __name__ == "__main__":
    main()
