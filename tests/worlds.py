"""Small data directories with known right answers, for tests of the later stages.

In the `planted_*` worlds every held-out event has one right answer.
"""

from pathlib import Path
from typing import Any

import numpy as np

from m6rec_cli.data.store import Dataset
from tests.data_directories import Column, write_data


def planted_cycle(
    path: Path,
    *,
    n_users: int = 64,
    n_items: int = 12,
    length: int = 8,
    seed: int = 0,
    **kwargs: Any,
) -> Dataset:
    """Every user walks the cycle 0, 1, ..., n_items - 1, 0 from their own start.

    The next item of the cycle is the only right answer, for `valid` and `test`. Popularity says
    nothing, since the starts are spread evenly. With `length < n_items` no user sees an item twice.
    """
    starts = np.arange(n_users) % n_items
    np.random.default_rng(seed).shuffle(starts)
    items = (starts[:, None] + np.arange(length)) % n_items
    return write_data(
        path,
        np.repeat(np.arange(n_users), length),
        items.ravel(),
        n_users=n_users,
        n_items=n_items,
        timestamp=np.tile(np.arange(length) * 86_400_000, n_users),
        **kwargs,
    )


def planted_content(
    path: Path,
    *,
    n_users: int = 96,
    n_groups: int = 4,
    per_group: int = 10,
    cold_per_group: int = 1,
    length: int = 7,
    seed: int = 0,
    noise: float = 0.05,
) -> Dataset:
    """Each user likes one group of items; the test event is a cold item of the group.

    Items have the features `group` (categorical) and `look` (vector: the group's direction and
    noise). The last `cold_per_group` items of every group have no training events. Users have the
    feature `taste`.
    """
    rng = np.random.default_rng(seed)
    group_of_item = np.repeat(np.arange(n_groups), per_group)
    taste = np.arange(n_users) % n_groups
    rows = []
    for user in range(n_users):
        warm = np.flatnonzero(group_of_item == taste[user])[: per_group - cold_per_group]
        cold = np.flatnonzero(group_of_item == taste[user])[per_group - cold_per_group :]
        rows.append(
            np.append(
                rng.choice(warm, length - 1, replace=length - 1 > len(warm)), rng.choice(cold)
            )
        )
    look = np.eye(n_groups, 8)[group_of_item] + noise * rng.standard_normal((len(group_of_item), 8))
    return write_data(
        path,
        np.repeat(np.arange(n_users), length),
        np.concatenate(rows),
        n_users=n_users,
        n_items=len(group_of_item),
        timestamp=np.tile(np.arange(length) * 86_400_000, n_users),
        item_features={
            "group": Column("categorical", group_of_item, size=n_groups),
            "look": Column("vector", look),
        },
        user_features={"taste": Column("categorical", taste, size=n_groups)},
    )


def mixed(
    path: Path, *, n_users: int = 30, n_items: int = 20, seed: int = 0, missing: float = 0.2
) -> Dataset:
    """Random events of three kinds; features with missing values for items and users.

    Some users have one event; the last user and the last item have none. The events of kind `buy`
    are labelled.
    """
    rng = np.random.default_rng(seed)
    lengths = np.append(rng.integers(1, 15, n_users - 1), 0)
    users = np.repeat(np.arange(n_users), lengths)
    n = len(users)

    def mask() -> np.ndarray:
        return rng.random(n_items) >= missing

    def lists(size: int, most: int) -> list[list[int]]:
        return [list(rng.integers(0, size, rng.integers(1, most + 1))) for _ in range(n_items)]

    kinds = rng.integers(0, 3, n)
    last = np.append(users[1:] != users[:-1], True) if n else np.zeros(0, bool)
    kinds[last] = 2
    return write_data(
        path,
        users,
        rng.integers(0, n_items - 1, n),
        n_users=n_users,
        n_items=n_items,
        timestamp=np.sort(rng.integers(0, 10**10, n)),
        event=kinds,
        event_names=("view", "cart", "buy"),
        weight=rng.uniform(0.5, 2, n),
        label=kinds == 2,
        item_features={
            "price": Column("numeric", rng.standard_normal(n_items), mask()),
            "brand": Column("categorical", rng.integers(0, 5, n_items), mask(), size=5),
            "tags": Column("set", lists(7, 4), mask(), size=7),
            "title": Column("text", lists(300, 9), mask(), size=300),
            "picture": Column("image", rng.integers(0, 256, (n_items, 16, 16, 3)), mask()),
            "embedding": Column("vector", rng.standard_normal((n_items, 6)), mask()),
        },
        user_features={
            "age": Column("numeric", rng.standard_normal(n_users)),
            "city": Column("categorical", rng.integers(0, 4, n_users), size=4),
        },
        display=[f"Item {i}" for i in range(n_items)],
    )
