"""A small world with planted tastes, and writers of the usual file formats."""

import csv
import gzip
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

N_TASTES, N_USERS, N_ITEMS = 4, 64, 48
_OWN_TASTE = 0.85
_FIRST = (
    "Amber",
    "Birch",
    "Cobalt",
    "Dune",
    "Ember",
    "Fable",
    "Garnet",
    "Harbor",
    "Iris",
    "Juniper",
)
_SECOND = (
    "Canyon",
    "Drift",
    "Echo",
    "Flare",
    "Grove",
    "Hollow",
    "Island",
    "Jetty",
    "Keep",
    "Lantern",
)
GENRES = ("Comedy", "Drama", "Horror", "Musical")


@dataclass(frozen=True, kw_only=True)
class Pick:
    """A user picks an item.

    Attributes:
        time: Seconds since 1970; no two picks of a user share a minute.
        kind: `view`, `cart` or `buy`.
        rating: 1 to 5, high for items of the user's taste.
    """

    user: int
    item: int
    time: int
    kind: str
    rating: int


@dataclass(frozen=True, kw_only=True)
class World:
    """Users 0, 1 ... and items 0, 1 ...; each has a taste, its number modulo `N_TASTES`.

    Attributes:
        picks: In the order of time.
    """

    n_users: int
    n_items: int
    picks: list[Pick]
    rng: random.Random

    def first_ms(self, unit: int = 1) -> int:
        """The time of the first pick in milliseconds, cut to units of so many seconds."""
        return self.picks[0].time // unit * unit * 1000

    def grouped(self) -> list[Pick]:
        """The picks user by user, shuffled within each, as rating files are."""
        rows = list(self.picks)
        self.rng.shuffle(rows)
        return sorted(rows, key=lambda pick: pick.user)


def make_world(
    seed: int = 7,
    *,
    n_users: int = N_USERS,
    n_items: int = N_ITEMS,
    start: int = 1_577_880_000,
    days: int = 500,
    repeats: bool = False,
) -> World:
    """Make a world.

    Args:
        start: Seconds since 1970 of the first day.
        repeats: Users may pick an item again.
    """
    rng = random.Random(seed)
    picks: list[Pick] = []
    for user in range(n_users):
        count = rng.randint(9, 15)
        chosen: list[int] = []
        while len(chosen) < count:
            taste = user % N_TASTES if rng.random() < _OWN_TASTE else rng.randrange(N_TASTES)
            # The least of two draws: low numbers are popular.
            group = min(rng.randrange(n_items // N_TASTES) for _ in range(2))
            item = group * N_TASTES + taste
            if repeats or item not in chosen:
                chosen.append(item)
        minutes = rng.sample(range(days * 1440), count)
        for item, minute in zip(chosen, sorted(minutes), strict=True):
            own = item % N_TASTES == user % N_TASTES
            picks.append(
                Pick(
                    user=user,
                    item=item,
                    time=start + minute * 60 + rng.randrange(60),
                    kind=rng.choice(("view", "view", "view", "cart", "buy")),
                    rating=rng.choice((4, 5, 5)) if own else rng.choice((1, 2, 3)),
                )
            )
    picks.sort(key=lambda pick: pick.time)
    return World(n_users=n_users, n_items=n_items, picks=picks, rng=rng)


def name_of(item: int) -> str:
    """A made-up name, different for each item."""
    return f"{_FIRST[item % 10]} {_SECOND[item // 10 % 10]}"


def sentence_of(item: int, rng: random.Random, words: int = 9) -> str:
    """Some words in which the item's taste can be read."""
    taste = GENRES[item % N_TASTES].lower()
    own = [f"{taste}{n}" for n in range(6)]
    return " ".join(
        rng.choice((*own, "quite", "and", "with", "very", "some")) for _ in range(words)
    )


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What should be read.

    Attributes:
        events: User id and item id, in the true order of each user's events.
        items: Kind of each item feature. `a|b` allows either, `?` makes the feature optional.
        users: The same of user features.
        kinds: Event kinds.
        times: Milliseconds since 1970 of the first event of the log; None without a time.
        labelled: The number of labelled events; None if all are.
    """

    events: Sequence[tuple[str, str]]
    items: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, str] = field(default_factory=dict)
    kinds: frozenset[str] = frozenset()
    first_ms: int | None = None
    labelled: int | None = None


@dataclass(frozen=True, kw_only=True)
class RawForm:
    """A data set in its raw form, written to a folder.

    Attributes:
        form: What is special about the form.
        first: The command that a new user types in that folder.
        second: The command after the hint of the first; None if the first has to pass.
        hint: What the first command's error says, if there is a second.
    """

    name: str
    form: str
    first: str
    truth: Truth
    second: str | None = None
    hint: str = ""


def truth_events(
    picks: Iterable[Pick], user: Sequence[str], item: Sequence[str]
) -> list[tuple[str, str]]:
    """The ids of picks, by the id of each user and item number."""
    return [(user[pick.user], item[pick.item]) for pick in picks]


def write_lines(path: Path, lines: Iterable[str], encoding: str = "utf-8") -> None:
    """Write lines; `.gz` is compressed."""
    data = "".join(f"{line}\n" for line in lines).encode(encoding)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def write_csv(
    path: Path,
    rows: Iterable[Sequence[object]],
    *,
    separator: str = ",",
    encoding: str = "utf-8",
    quote_all: bool = False,
) -> None:
    """Write a delimited file; the first row is the header, if there is one."""
    quoting = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file, delimiter=separator, quoting=quoting).writerows(rows)


def write_joined(
    path: Path, rows: Iterable[Sequence[object]], separator: str, encoding: str = "utf-8"
) -> None:
    """Write rows without a header line and without quotes."""
    write_lines(path, (separator.join(map(str, row)) for row in rows), encoding)


def write_json_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write one JSON object a line."""
    write_lines(path, map(json.dumps, rows))
