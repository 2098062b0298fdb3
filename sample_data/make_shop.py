"""A seed to a small shop: a catalogue with texts and pictures, users, and half a year of events.

    python sample_data/make_shop.py [FOLDER]        (default: the folder of this file)

What is planted, and the only column that shows it:

- Each product has a **style** (five), shown by the picture only; a **topic** (five), shown by the
  description only; a **price band** within its shelf; a **shelf** (`category`) in one of six
  departments; a **brand**. Each user prefers one of each, and what they see and buy is drawn by
  these preferences.
- Age, gender and occupation correlate with style, price, department and topic, so the profile
  alone allows useful lists for users without any event.
- Order: a visit stays in one department and goes from its first shelf to the second and the third;
  what goes with the last purchase (same brand and model) is likelier. The last visit predicts the
  shelf, the whole history predicts the taste: a good list needs both.

For each visit, the log has the furthest step that a product reached (`view`, `cart` or `buy`), as
shops export it, so no view of the same product announces a purchase. Abandoned carts do come back:
about one in eight purchases is of a product that an earlier visit left in the cart. Such a target
is a seen item, so lists keep seen items, and `evaluate` reports unmasked figures first.

Some products appear in the last weeks only and some never sell; some users have one or two events,
some a profile only. `preprocess` counts the dirt: repeated lines, missing cells, absurd prices, a
picture that cannot be read and one that is missing, unknown products and broken times.
"""

import sys
from pathlib import Path

import numpy as np
import pictures
import polars as pl
import words
from shop_model import NEARLY_NEW, PROFILE_ONLY, SEED, USERS, catalogue, customers, visits


def with_dirt(rng: np.random.Generator, rows: list[list[str]]) -> list[list[str]]:
    """Add repeated lines, unknown products and broken times to the lines of the log."""
    rows = [list(r) for r in rows]
    for i in rng.choice(len(rows), 45, replace=False):
        rows[i] = [rows[i][0], f"P9{rng.integers(0, 30):03d}", rows[i][2], "view"]
    broken = (
        "2025-13-45T10:00:00",
        "yesterday",
        "",
        "0000-00-00",
        "2025-02-30T08:00:00",
        "n/a",
        "--",
    )
    for i, text in zip(rng.choice(len(rows), len(broken), replace=False), broken, strict=True):
        rows[i][2] = text
    for i in sorted(rng.choice(len(rows), 60, replace=False).tolist(), reverse=True):
        rows.insert(i + 1, list(rows[i]))
    return rows


def blank(rng: np.random.Generator, column: list, share: float) -> None:
    """Empty a share of a column's cells."""
    for i in rng.choice(len(column), round(share * len(column)), replace=False):
        column[i] = ""


def make(folder: Path) -> None:
    """Write `interactions.csv`, `items.csv`, `users.csv` and `images/`."""
    rng = np.random.default_rng(SEED)
    shop, people = catalogue(rng), customers(rng)
    log = []
    # The first have a profile only, the next ones a single visit, the others a history.
    newness = rng.permutation(USERS)
    for user in np.flatnonzero(newness >= PROFILE_ONLY).tolist():
        few = newness[user] < PROFILE_ONLY + NEARLY_NEW
        log += [
            (time, user, item, kind)
            for time, item, kind in visits(rng, shop, people, user, few=few)
        ]
    log.sort(key=lambda event: event[:2])
    rows = [
        [people.columns["user_id"][u], shop.columns["item_id"][i], time.isoformat(), kind]
        for time, u, i, kind in log
    ]
    rows = with_dirt(rng, rows)

    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(shop.columns["picture"]):
        shape = words.DEPARTMENTS[shop.department[i]].shelves[shop.shelf[i]].shape
        pictures.save(images / name, pictures.draw(shape, int(shop.style[i]), rng))
    unreadable, absent = (shop.columns["picture"][i] for i in (7, 21))
    (images / unreadable).write_bytes(b"\x89PNG\r\n\x1a\n" + rng.bytes(400))
    (images / absent).unlink()

    for name, share in (
        ("category", 0.02),
        ("brand", 0.04),
        ("description", 0.03),
        ("price", 0.03),
        ("picture", 0.03),
    ):
        blank(rng, shop.columns[name], share)
    for i, price in ((33, "999999"), (148, "-4.95"), (402, "888888.88")):
        shop.columns["price"][i] = price
    blank(rng, people.columns["age"], 0.04)
    blank(rng, people.columns["occupation"], 0.04)
    people.columns["age"][311] = "199"

    order = ("user_id", "item_id", "timestamp", "event")
    pl.DataFrame(rows, schema=dict.fromkeys(order, pl.String), orient="row").write_csv(
        folder / "interactions.csv"
    )
    pl.DataFrame(shop.columns).write_csv(folder / "items.csv")
    pl.DataFrame(people.columns).write_csv(folder / "users.csv")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
