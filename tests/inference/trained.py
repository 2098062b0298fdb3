"""A small shop with planted preferences, from raw files to a data directory and a trained run.

Every user buys items of one style. Items tell their style by content, users theirs by a profile.
Ids look like numbers. Users 900 to 903 have a profile and no events; user 904 has neither.
"""

import csv
import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from m6rec_cli.config import resolve as configuration
from m6rec_cli.inference.loaded_run import LoadedRun, load
from m6rec_cli.stages import preprocess, pretrain
from m6rec_cli.system.progress import SilentReporter

STYLES = ("red", "blue", "green", "gold")
PER_STYLE, COLD, USERS = 10, 1, 60
SMALL = (
    "model.width=16",
    "model.decoder.layers=1",
    "model.generator.hidden=16",
    "model.generator.noise=4",
    'model.exclude=["title", "price"]',
    "model.dropout=0.1",
    "train.batch_targets=64",
    "train.steps_per_dispatch=4",
    "train.epochs=20",
    "train.learning_rate=0.01",
    "train.patience=20",
)


@dataclass(frozen=True)
class Shop:
    """Paths of the raw files, the data directory and the run, as attributes."""

    folder: Path

    def __getattr__(self, name: str) -> Path:
        return self.folder / {
            "events": "events.csv",
            "items": "items.csv",
            "users": "users.csv",
        }.get(name, name)

    @property
    def loaded(self) -> LoadedRun:
        return _loaded(self.run)

    def history(self, user: str, *, back: int = 0) -> list[str]:
        """The items of a user in order of time, without the last `back`."""
        with self.events.open() as file:
            mine = [
                (int(row["timestamp"]), row["item_id"])
                for row in csv.DictReader(file)
                if row["user_id"] == user
            ]
        return [item for _, item in sorted(mine)][: len(mine) - back]


_loaded = functools.cache(load)


def style_of(item: str) -> str:
    """Items 100 to 109 are red, 110 to 119 blue, and so on."""
    return STYLES[(int(item) - 100) // PER_STYLE]


def write(folder: Path, name: str, header: str, rows) -> Path:
    """A CSV file."""
    with (folder / name).open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(header.split(","))
        out.writerows(rows)
    return folder / name


def make(folder: Path) -> Shop:
    """Write the files, the data directory `data` and the run `run`."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    ids = range(100, 100 + PER_STYLE * len(STYLES))
    write(
        folder,
        "items.csv",
        "item_id,title,style,price",
        [(i, f"{style_of(str(i)).title()} thing {i}", style_of(str(i)), 5 + i % 7) for i in ids],
    )
    write(
        folder,
        "users.csv",
        "user_id,taste",
        [
            *((u, STYLES[u % 4]) for u in range(1, USERS + 1)),
            *((900 + n, STYLES[n]) for n in range(4)),
            (904, ""),
        ],
    )
    events = []
    for user in range(1, USERS + 1):
        liked = 100 + PER_STYLE * (user % 4) + rng.permutation(PER_STYLE - COLD)[: 4 + user % 3]
        events += [
            (user, item, 1_600_000_000 + 86_400 * (n + user), "buy" if n % 2 else "view")
            for n, item in enumerate(liked)
        ]
    rng.shuffle(events)
    write(folder, "events.csv", "user_id,item_id,timestamp,event", events)
    shop, report = Shop(folder), SilentReporter()
    inputs = preprocess.PreprocessInputs(
        interactions=shop.events, items=shop.items, users=shop.users
    )
    preprocess.run(configuration.resolve(), inputs, shop.data, report)
    pretrain.run(configuration.resolve("pretrain", sets=SMALL), shop.data, shop.run, report)
    return shop


_make = functools.cache(make)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The shop, made once per session; import the fixture to use it."""
    return _make(tmp_path_factory.getbasetemp() / "shop-run")
