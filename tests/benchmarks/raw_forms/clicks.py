"""RetailRocket, Taobao, Tmall and OTTO: logs of clicks and purchases."""

from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from raw_forms.world import (
    RawForm,
    Truth,
    make_world,
    truth_events,
    write_csv,
    write_joined,
    write_json_lines,
)


def _utc(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def retailrocket(folder: Path) -> RawForm:
    """kaggle.com/datasets/retailrocket/ecommerce-dataset."""
    world = make_world(21, start=1_430_622_004, days=138, repeats=True)
    users, items = (
        [str(257597 + 7 * u) for u in range(64)],
        [str(355908 + 13 * i) for i in range(48)],
    )
    kinds = {"view": "view", "cart": "addtocart", "buy": "transaction"}
    rows = [
        (
            p.time * 1000 + 117,
            users[p.user],
            kinds[p.kind],
            items[p.item],
            str(p.time % 17_000) if p.kind == "buy" else "",
        )
        for p in world.picks
    ]
    world.rng.shuffle(rows)
    write_csv(
        folder / "events.csv",
        [("timestamp", "visitorid", "event", "itemid", "transactionid"), *rows],
    )
    changes: list[tuple[object, ...]] = []
    for i in range(48):
        for week in range(4):
            when = 1_431_226_800_000 + week * 604_800_000
            changes.append((when, items[i], "790", f"n{(100 + i + week) * 120}.000"))
        changes += [
            (1_431_226_800_000, items[i], "categoryid", 100 + i % 4),
            (1_433_041_200_000, items[i], "available", i % 2),
            (1_433_041_200_000, items[i], "888", f"{1116713 + i % 4} 960601 n277.200"),
        ]
    world.rng.shuffle(changes)
    write_csv(
        folder / "item_properties_part1.csv",
        [("timestamp", "itemid", "property", "value"), *changes],
    )
    return RawForm(
        name="RetailRocket",
        form="milliseconds; a line per item, property and week",
        first="m6rec preprocess --interactions events.csv --items item_properties_part1.csv "
        "--positive 'event == \"transaction\"' --out data",
        truth=Truth(
            events=truth_events(world.picks, users, items),
            items={"property": "set?", "value": "set"},  # of all lines of an item
            kinds=frozenset(kinds.values()),
            first_ms=world.first_ms() + 117,
            labelled=sum(p.kind == "buy" for p in world.picks),
        ),
    )


def taobao(folder: Path) -> RawForm:
    """tianchi.aliyun.com/dataset/649, `UserBehavior.csv`."""
    world = make_world(24, start=1_511_539_200, days=9, repeats=True)
    users, items = [str(u + 1) for u in range(64)], [str(2268318 + 101 * i) for i in range(48)]
    kinds = {"view": "pv", "cart": "cart", "buy": "buy"}
    write_joined(
        folder / "UserBehavior.csv",
        [
            (users[p.user], items[p.item], 2520377 + p.item % 4, kinds[p.kind], p.time)
            for p in sorted(world.picks, key=lambda p: p.user)
        ],
        ",",
    )
    return RawForm(
        name="Taobao UserBehavior",
        form="CSV without header line, `pv`, `cart`, `buy`",
        first="m6rec preprocess --interactions UserBehavior.csv --out data",
        second="m6rec preprocess --interactions UserBehavior.csv --no-header "
        "--columns user=1,item=2,event=4,time=5 --out data",
        hint="--columns user=1,item=2",
        truth=Truth(
            events=truth_events(world.picks, users, items),
            kinds=frozenset(kinds.values()),
            first_ms=world.first_ms(),
        ),
    )


def tmall(folder: Path) -> RawForm:
    """tianchi.aliyun.com/dataset/42, `user_log_format1.csv` and `user_info_format1.csv`."""
    world = make_world(25, start=1_431_302_400, days=180, repeats=True)
    users, items = (
        [str(328862 + 3 * u) for u in range(64)],
        [str(323294 + 11 * i) for i in range(48)],
    )
    kinds = {"view": "0", "cart": "1", "buy": "2"}
    write_csv(
        folder / "user_log_format1.csv",
        [
            ("user_id", "item_id", "cat_id", "seller_id", "brand_id", "time_stamp", "action_type"),
            *(
                (
                    users[p.user],
                    items[p.item],
                    833 + p.item % 4,
                    2882 + p.item % 8,
                    f"{2661 + p.item % 6}.0",
                    f"{_utc(p.time):%m%d}",
                    kinds[p.kind],
                )
                for p in sorted(world.picks, key=lambda p: p.user)
            ),
        ],
    )
    write_csv(
        folder / "user_info_format1.csv",
        [
            ("user_id", "age_range", "gender"),
            *((users[u], f"{u % 8}.0", f"{u % 3}.0") for u in range(64)),
        ],
    )
    # Lines that agree in every column are one event.
    once = {(p.user, p.item, p.kind, p.time // 86400): p for p in reversed(world.picks)}
    picks = sorted(once.values(), key=lambda p: p.time)
    return RawForm(
        name="Tmall",
        form="time is month and day (`1104`), actions 0 to 3",
        first="m6rec preprocess --interactions user_log_format1.csv --users user_info_format1.csv "
        "--items-from-interactions --positive 'action_type == 2' --out data",
        truth=Truth(
            events=truth_events(picks, users, items),
            items=dict.fromkeys(("cat_id", "seller_id", "brand_id"), "categorical"),
            users=dict.fromkeys(("age_range", "gender"), "categorical|numeric"),
            kinds=frozenset(kinds.values()),
            labelled=sum(p.kind == "buy" for p in picks),
        ),
    )


def otto(folder: Path) -> RawForm:
    """github.com/otto-de/recsys-dataset."""
    world = make_world(26, start=1_659_304_800, days=28, repeats=True)
    users, items = [str(u) for u in range(64)], [str(1460571 + 31 * i) for i in range(48)]
    kinds = {"view": "clicks", "cart": "carts", "buy": "orders"}
    write_json_lines(
        folder / "otto-recsys-train.jsonl",
        [
            {
                "session": user,
                "events": [
                    {"aid": int(items[p.item]), "ts": p.time * 1000 + 25, "type": kinds[p.kind]}
                    for p in group
                ],
            }
            for user, group in groupby(sorted(world.picks, key=lambda p: p.user), lambda p: p.user)
        ],
    )
    return RawForm(
        name="OTTO",
        form="JSON lines of sessions with a list of events",
        first="m6rec preprocess --interactions otto-recsys-train.jsonl --out data",
        second="jq -c '{session} + .events[]' otto-recsys-train.jsonl > events.jsonl && "
        "m6rec preprocess --interactions events.jsonl "
        "--columns user=session,item=aid,time=ts,event=type "
        "--out data",
        hint="jq",
        truth=Truth(
            events=truth_events(world.picks, users, items),
            kinds=frozenset(kinds.values()),
            first_ms=world.first_ms() + 25,
        ),
    )
