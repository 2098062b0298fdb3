"""The random model of the sample shop: its catalogue, its users and their visits."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pictures
import words

SEED = 20250106
USERS, PROFILE_ONLY, NEARLY_NEW = 800, 60, 40
DAYS, START = 182, datetime(2025, 1, 6)
LATE_ITEMS, LATE_FROM, NEVER_SOLD = 60, 150, 12
N_STYLES, N_TOPICS, N_BANDS = len(pictures.STYLES), len(words.TOPICS), 3
# What a match with the user's taste, or with the last purchase (LINE), adds to the log-odds.
STYLE, TOPIC, BAND, BRAND, LINE = 2.6, 2.4, 1.1, 0.7, 1.2
NOVELTY = 1.6


@dataclass(frozen=True)
class Catalogue:
    """The items, one per row; `quality` makes some sell better for no visible reason."""

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
    """The users, one per row: the tastes of each, and the profile that correlates with them."""

    style: np.ndarray
    topic: np.ndarray
    band: np.ndarray
    brand: np.ndarray  # (users, departments)
    departments: np.ndarray  # (users, departments), shares of the visits
    columns: dict[str, list]


def catalogue(rng: np.random.Generator) -> Catalogue:
    """Draw the catalogue: six departments of three shelves with 33 or 34 products each."""
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
        details = rng.choice(words.TOPICS[topic[i]][1], 2, replace=False)
        opening, closing = str(rng.choice(words.OPENINGS)), str(rng.choice(words.CLOSINGS))
        price = category.price * (0.5, 1.0, 2.0)[band[i]] * np.exp(rng.normal(0, 0.12))
        columns["item_id"].append(f"P{i + 1:04d}")
        columns["title"].append(f"{names['brand']} {model} {noun}")
        columns["description"].append(
            " ".join(
                [
                    opening.format(**names),
                    f"{details[0]}.",
                    f"{details[1]}.",
                    closing.format(**names),
                ]
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
    """Draw the users: profiles, and tastes given the profiles."""
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
    """The log-odds of every product for one user by taste alone, (items,)."""
    apart = np.abs(shop.band - people.band[user])
    return (
        STYLE * (shop.style == people.style[user])
        + TOPIC * (shop.topic == people.topic[user])
        + BAND * (1 - apart)
        + BRAND * (shop.brand == people.brand[user][shop.department])
        + shop.quality
    )


def draw_item(rng: np.random.Generator, logits: np.ndarray, allowed: np.ndarray) -> int:
    """Draw an allowed product by the softmax of its log-odds; -1 if none is allowed."""
    if not allowed.any():
        return -1
    weights = np.where(allowed, np.exp(logits - logits[allowed].max()), 0)
    return int(rng.choice(len(logits), p=weights / weights.sum()))


def without(allowed: np.ndarray, items: Iterable[int]) -> np.ndarray:
    """`allowed` without some products."""
    left = allowed.copy()
    left[list(items)] = False
    return left


def visits(
    rng: np.random.Generator, shop: Catalogue, people: Customers, user: int, *, few: bool
) -> list[tuple]:
    """Draw the events of one user as (time, item, kind); `few` gives one visit and no purchase."""
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
