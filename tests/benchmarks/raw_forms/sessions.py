"""Yoochoose, Diginetica and Instacart: lines of sessions and orders."""

from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from raw_forms.world import (
    GENRES,
    RawForm,
    Truth,
    make_world,
    name_of,
    truth_events,
    write_csv,
    write_joined,
)


def _utc(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def yoochoose(folder: Path) -> RawForm:
    """2015.recsyschallenge.com, `dataset-README.txt`."""
    world = make_world(22, start=1_396_828_269, days=180, repeats=True)
    users, items = [str(u + 1) for u in range(64)], [str(214536502 + 17 * i) for i in range(48)]
    write_joined(
        folder / "yoochoose-clicks.dat",
        [
            (
                users[p.user],
                f"{_utc(p.time):%Y-%m-%dT%H:%M:%S}.277Z",
                items[p.item],
                "0S123"[p.item % 5],
            )
            for p in sorted(world.picks, key=lambda p: p.user)
        ],
        ",",
    )
    return RawForm(
        name="Yoochoose",
        form="`.dat`: commas, no header line, ISO times",
        first="m6rec preprocess --interactions yoochoose-clicks.dat --out data",
        second="m6rec preprocess --interactions yoochoose-clicks.dat --no-header "
        "--columns user=1,item=3,time=2 --out data",
        hint="--columns user=1,item=2",
        truth=Truth(
            events=truth_events(world.picks, users, items),
            first_ms=world.first_ms() + 277,
        ),
    )


def diginetica(folder: Path) -> RawForm:
    """competitions.codalab.org/competitions/11161, `train-item-views.csv` and `products.csv`."""
    world = make_world(23, start=1_462_752_000, days=1, repeats=True)
    users, items = [str(u + 1) for u in range(64)], [str(81766 + 5 * i) for i in range(48)]
    rows = []
    for user, group in groupby(sorted(world.picks, key=lambda p: p.user), lambda p: p.user):
        picks = list(group)
        day = f"2016-05-{1 + user % 28:02}"
        frames = [(p.time - picks[0].time) * 1000 + 9 for p in picks]
        views = [
            (users[user], "NA" if user % 10 < 7 else 7000 + user, items[p.item], frame, day)
            for p, frame in zip(picks, frames, strict=True)
        ]
        world.rng.shuffle(views)  # lines of a session are in no order
        rows += views
    write_joined(
        folder / "train-item-views.csv",
        [("sessionId", "userId", "itemId", "timeframe", "eventdate"), *rows],
        ";",
    )
    write_joined(
        folder / "products.csv",
        [
            ("itemId", "pricelog2", "product.name.tokens"),
            *(
                (items[i], 4 + i % 9, f"{4875 + i % 4},{776 + i % 12},{56689 + i % 4}")
                for i in range(48)
            ),
        ],
        ";",
    )
    return RawForm(
        name="Diginetica",
        form="semicolons, users mostly `NA`, time in the session",
        first="m6rec preprocess --interactions train-item-views.csv --items products.csv "
        "--out data",
        second="m6rec preprocess --interactions train-item-views.csv --items products.csv "
        "--columns user=sessionId,time=timeframe --out data",
        hint="--columns user=",
        truth=Truth(
            events=truth_events(world.picks, users, items),
            items={"pricelog2": "numeric|categorical", "product.name.tokens": "set|text"},
        ),
    )


def instacart(folder: Path) -> RawForm:
    """kaggle.com/c/instacart-market-basket-analysis/data; orders joined with order_products."""
    world = make_world(12, repeats=True)
    users, items = [str(u + 1) for u in range(64)], [str(196 + 53 * i) for i in range(48)]
    rows, events = [], []
    for user in range(64):
        own = [p for p in world.picks if p.user == user]
        for at, pick in enumerate(own):
            number, place = 1 + at // 3, 1 + at % 3
            order = 2_539_329 + (user * 7919 + number * 104_729) % 900_001
            since = "" if number == 1 else f"{(number * 5) % 30}.0"
            again = int(pick.item in [p.item for p in own[: at - at % 3]])
            rows.append(
                (
                    order,
                    items[pick.item],
                    place,
                    again,
                    users[user],
                    "prior",
                    number,
                    number % 7,
                    f"{7 + number % 12:02}",
                    since,
                )
            )
            events.append((users[user], items[pick.item]))
    rows.sort(key=lambda row: (row[0], row[2]))  # by order, as order_products is
    write_csv(
        folder / "orders_joined.csv",
        [
            (
                "order_id",
                "product_id",
                "add_to_cart_order",
                "reordered",
                "user_id",
                "eval_set",
                "order_number",
                "order_dow",
                "order_hour_of_day",
                "days_since_prior_order",
            ),
            *rows,
        ],
    )
    write_csv(
        folder / "products.csv",
        [
            ("product_id", "product_name", "aisle_id", "department_id"),
            *(
                (items[i], f"{GENRES[i % 4]} {name_of(i)}", 1 + i % 12, 1 + i % 4)
                for i in range(48)
            ),
        ],
    )
    return RawForm(
        name="Instacart",
        form="two tables joined: `order_number`, no time",
        first="m6rec preprocess --interactions orders_joined.csv --items products.csv --out data",
        truth=Truth(
            events=events,
            items={
                "product_name": "text",
                "aisle_id": "categorical",
                "department_id": "categorical",
            },
        ),
    )
