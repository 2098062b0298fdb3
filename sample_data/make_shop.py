"""A seed to a small shop: a catalogue with words and pictures, customers, and half a year of events.

    python sample_data/make_shop.py [FOLDER]        (default: the folder of this file)

What is planted, and which column alone shows it:

- a **style** (five) that only the picture shows; a **topic** (five) that only the description tells; a **price
  band** within the shelf; a **shelf** (`category`) in one of six departments; a house **brand** that a customer
  prefers. A customer has one taste of each, and everything seen or bought is drawn by it.
- age, gender and occupation lean to style, price, department and topic, so that a customer without any
  event can still be served from the profile.
- an order: a visit stays in a department, goes on from its first shelf to the second and the third, and what
  goes with the last purchase (same brand and model) is likelier. The last visit tells the shelf, the
  whole history tells the taste: to be right one needs both.

The log keeps, for each visit, the furthest step that a product reached (`view`, `cart` or `buy`), as shops export
it. A purchase is therefore not announced by a view of the same product a minute earlier. What does come back is
a cart left behind: every third visit that could, buys what an earlier visit to the department left in the
cart. Such a target is a product that was seen before (about one in eight purchases); lists that leave out seen
products keep a repeated target rankable, and `evaluate` reports masked and unmasked figures.

Some products appear in the last weeks alone and some never sold; some customers have one or two events, some
a profile alone. The dirt, all of it counted by `preprocess`: repeated lines, missing cells, absurd prices,
a picture that cannot be read and one that is not there, unknown products and broken times.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pictures
import polars as pl
import words

SEED = 20250106
USERS, PROFILE_ONLY, NEARLY_NEW = 800, 60, 40
DAYS, START = 182, datetime(2025, 1, 6)
LATE_ITEMS, LATE_FROM, NEVER_SOLD = 60, 150, 12
N_STYLES, N_TOPICS, N_BANDS = len(pictures.STYLES), len(words.TOPICS), 3
STYLE, TOPIC, BAND, BRAND, LINE = (
    2.6,
    2.4,
    1.1,
    0.7,
    1.2,
)  # what a match adds to the log-odds of a product
NOVELTY = 1.6


@dataclass(frozen=True)
class Catalogue:
    """Items in rows; `quality` is what makes some sell better than others for no visible reason."""

    department: np.ndarray
    shelf: np.ndarray
    line: np.ndarray
    brand: np.ndarray
    style: np.ndarray
    topic: np.ndarray
    band: np.ndarray
    quality: np.ndarray
    from_day: np.ndarray
    columns: dict[str, list]


@dataclass(frozen=True)
class Customers:
    """Users in rows: what each likes, and the profile that hints at it."""

    style: np.ndarray
    topic: np.ndarray
    band: np.ndarray
    brand: np.ndarray  # (users, departments)
    departments: np.ndarray  # (users, departments): shares of the visits
    columns: dict[str, list]


def catalogue(rng: np.random.Generator) -> Catalogue:
    """Six departments of three shelves with 33 or 34 products each, one of every model."""
    rows = []
    for d, department in enumerate(words.DEPARTMENTS):
        for line, model in enumerate(words.MODELS):
            brand = line % 3
            for s, category in enumerate(department.shelves[: 3 if line < 33 else 1]):
                rows.append((d, s, line, brand, department, category, model))
    rows = [rows[i] for i in rng.permutation(len(rows))]
    n = len(rows)
    style, topic, band = (rng.integers(0, k, n) for k in (N_STYLES, N_TOPICS, N_BANDS))
    from_day = np.zeros(n, int)
    unusual = rng.permutation(n)
    from_day[unusual[:LATE_ITEMS]] = rng.integers(LATE_FROM, DAYS - 7, LATE_ITEMS)
    from_day[unusual[LATE_ITEMS : LATE_ITEMS + NEVER_SOLD]] = DAYS + 1
    columns: dict[str, list] = {
        k: [] for k in ("item_id", "title", "description", "category", "brand", "price", "picture")
    }
    for i, (_, _, _, brand, department, category, model) in enumerate(rows):
        noun = str(rng.choice(category.nouns))
        names = {"noun": noun, "model": model, "brand": department.brands[brand]}
        told = rng.choice(words.TOPICS[topic[i]][1], 2, replace=False)
        opening, closing = str(rng.choice(words.OPENINGS)), str(rng.choice(words.CLOSINGS))
        price = category.price * (0.5, 1.0, 2.0)[band[i]] * np.exp(rng.normal(0, 0.12))
        columns["item_id"].append(f"P{i + 1:04d}")
        columns["title"].append(f"{names['brand']} {model} {noun}")
        columns["description"].append(
            " ".join(
                [opening.format(**names), f"{told[0]}.", f"{told[1]}.", closing.format(**names)]
            )
        )
        columns["category"].append(category.name)
        columns["brand"].append(names["brand"])
        columns["price"].append(f"{max(1.0, round(float(price))) - 0.05:.2f}")
        columns["picture"].append(f"P{i + 1:04d}.png")
    department, shelf, line, brand = (np.array([row[k] for row in rows]) for k in range(4))
    quality = rng.normal(0, 0.6, n)
    return Catalogue(department, shelf, line, brand, style, topic, band, quality, from_day, columns)


def customers(rng: np.random.Generator) -> Customers:
    """Tastes, drawn given the profile."""
    age = np.clip(np.round(rng.gamma(6.0, 4.0, USERS) + 16), 16, 84).astype(int)
    gender = rng.choice(["f", "m", "x"], USERS, p=[0.49, 0.48, 0.03])
    job = np.where(
        age < 25,
        np.where(rng.random(USERS) < 0.7, 0, rng.integers(1, 9, USERS)),
        np.where(age > 64, 9, rng.integers(1, 9, USERS)),
    )
    decade = np.digitize(age, [24, 32, 40, 50])
    style = np.where(
        rng.random(USERS) < 0.65, (decade * 2 + 1) % N_STYLES, rng.integers(0, N_STYLES, USERS)
    )
    topic = np.where(
        rng.random(USERS) < 0.7,
        np.array(words.OCCUPATION_TOPIC)[job],
        rng.integers(0, N_TOPICS, USERS),
    )
    usual_band = np.where(np.isin(job, (2, 6, 8)), 2, np.where(job == 0, 0, 1))
    band = np.where(rng.random(USERS) < 0.7, usual_band, rng.integers(0, N_BANDS, USERS))
    n = len(words.DEPARTMENTS)
    leaning = rng.normal(0, 1.0, (USERS, n))
    leaning[np.arange(USERS), (decade + 3 * (gender == "f")) % n] += 1.6
    shares = np.exp(1.3 * leaning)
    columns = {
        "user_id": [f"U{u + 1:04d}" for u in range(USERS)],
        "age": [str(a) for a in age],
        "gender": [str(g) for g in gender],
        "occupation": [words.OCCUPATIONS[j] for j in job],
    }
    brand = rng.integers(0, 3, (USERS, n))
    return Customers(style, topic, band, brand, shares / shares.sum(1, keepdims=True), columns)


def liking(shop: Catalogue, people: Customers, user: int) -> np.ndarray:
    """The log-odds of every product for one user, before shelf and order come in: (items,)."""
    apart = np.abs(shop.band - people.band[user])
    return (
        STYLE * (shop.style == people.style[user])
        + TOPIC * (shop.topic == people.topic[user])
        + BAND * (1 - apart)
        + BRAND * (shop.brand == people.brand[user][shop.department])
        + shop.quality
    )


def draw_item(rng: np.random.Generator, logits: np.ndarray, allowed: np.ndarray) -> int:
    """One allowed product by the softmax of its log-odds; -1 if there is none."""
    if not allowed.any():
        return -1
    weights = np.where(allowed, np.exp(logits - logits[allowed].max()), 0)
    return int(rng.choice(len(logits), p=weights / weights.sum()))


def without(allowed: np.ndarray, items: Iterable[int]) -> np.ndarray:
    """What is allowed, some products left out."""
    left = allowed.copy()
    left[list(items)] = False
    return left


def visits(
    rng: np.random.Generator, shop: Catalogue, people: Customers, user: int, *, few: bool
) -> list[tuple]:
    """All events of one user: (time, item, kind), as the log would have them; `few`: one visit, no purchase."""
    likes = liking(shop, people, user)
    count = 1 if few else int(np.clip(np.round(rng.lognormal(2.3, 0.45)), 4, 40))
    first = rng.uniform(0, 0.45 * DAYS) if not few else rng.uniform(LATE_FROM, DAYS - 8)
    days = np.sort(rng.uniform(first, DAYS, count))
    events: list[tuple] = []
    seen, carts, bought = set(), {}, {}
    department = shelf = -1
    for visit, day in enumerate(days):
        if department < 0 or rng.random() > 0.68:
            department = int(rng.choice(len(words.DEPARTMENTS), p=people.departments[user]))
            shelf = 0 if rng.random() < 0.75 else int(rng.integers(0, 3))
        else:
            shelf = (shelf + 1) % 3 if rng.random() < 0.85 else int(rng.integers(0, 3))
        here = (shop.department == department) & (shop.shelf == shelf) & (shop.from_day <= day)
        logits = likes + LINE * (shop.line == bought.get(department, -1))
        logits = logits + NOVELTY * ((shop.from_day > 0) & here)
        looked: dict[int, str] = {}
        for _ in range(1 + rng.poisson(1.9 if not few else 0.4)):
            around = (
                here
                if rng.random() < 0.92
                else (shop.department == department) & (shop.from_day <= day)
            )
            item = draw_item(rng, 0.6 * logits, without(around, looked))
            if item >= 0:
                looked[item] = "cart" if rng.random() < 0.22 else "view"
        last = visit == count - 1
        if not few and rng.random() < (0.95 if last else 0.78):
            left = carts.get(department)
            item = -1
            if left is not None and left not in looked and rng.random() < 0.35:
                item = left
            if item < 0:
                item = draw_item(rng, logits, without(here, [*looked, *seen]))
            if item >= 0:
                looked[item] = "buy"
                bought[department] = int(shop.line[item])
                carts.pop(department, None)
        moment = START + timedelta(days=float(day))
        for item, kind in looked.items():
            if kind == "cart":
                carts[department] = item
            moment += timedelta(seconds=int(rng.integers(25, 300)))
            events.append((moment.replace(microsecond=0), item, kind))
            seen.add(item)
    return events


def with_dirt(rng: np.random.Generator, rows: list[list[str]]) -> list[list[str]]:
    """The log's lines in the order of time, with repeats, unknown products and broken times put in."""
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
    newness = rng.permutation(
        USERS
    )  # the first have a profile alone, the next one visit, the others a history
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
