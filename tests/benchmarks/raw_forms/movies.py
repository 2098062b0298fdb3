"""MovieLens 100K, 1M and 20M: rating files of several generations."""

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

_ACCENTS = ("Café", "Señor", "Über", "Garçon")


def _title(item: int) -> str:
    accent = f"{_ACCENTS[item % 4]} " if item % 6 == 0 else ""
    return f"{accent}{name_of(item)} ({1950 + item})"


def movielens_100k(folder: Path) -> RawForm:
    """files.grouplens.org/datasets/movielens/ml-100k-README.txt."""
    world = make_world(1, start=874_724_710, days=210)
    users, items = [str(u + 1) for u in range(64)], [str(i + 1) for i in range(48)]
    write_joined(
        folder / "u.data",
        [(users[p.user], items[p.item], p.rating, p.time) for p in world.grouped()],
        "\t",
    )
    flags = [[int(i % 4 == g % 4 and g < 8) for g in range(19)] for i in range(48)]
    write_joined(
        folder / "u.item",
        [
            (i + 1, _title(i), f"01-Jan-{1950 + i}", "", f"http://us.imdb.com/M/t?{i}", *flags[i])
            for i in range(48)
        ],
        "|",
        "latin-1",
    )
    work = ("technician", "student", "writer", "none")
    write_joined(
        folder / "u.user",
        [(u + 1, 20 + u % 40, "MF"[u % 2], work[u % 4], f"{10000 + 7 * u}") for u in range(64)],
        "|",
    )
    return RawForm(
        name="MovieLens-100K",
        form="`u.data`: tabs, no header line",
        first="m6rec preprocess --interactions u.data --out data",
        second="m6rec preprocess --interactions u.data --no-header --columns user=1,item=2,time=4 "
        "--out data",
        hint="--columns user=1,item=2",
        truth=Truth(events=truth_events(world.picks, users, items), first_ms=world.first_ms()),
    )


def movielens_1m(folder: Path) -> RawForm:
    """files.grouplens.org/datasets/movielens/ml-1m-README.txt."""
    world = make_world(2, start=956_703_932, days=700)
    users, items = [str(u + 1) for u in range(64)], [str(60 * i + 1) for i in range(48)]
    write_joined(
        folder / "ratings.dat",
        [(users[p.user], items[p.item], p.rating, p.time) for p in world.grouped()],
        "::",
    )
    write_joined(
        folder / "movies.dat",
        [(items[i], _title(i), "|".join((GENRES[i % 4], GENRES[i // 4 % 4]))) for i in range(48)],
        "::",
        "latin-1",
    )
    ages = (1, 18, 25, 35, 45, 50, 56)
    write_joined(
        folder / "users.dat",
        [
            (users[u], "FM"[u % 2], ages[u % 7], u % 21, f"{2000 + 911 * (u * 7 % 30):05}")
            for u in range(64)
        ],
        "::",
    )
    return RawForm(
        name="MovieLens-1M",
        form="three files: `::`, no header lines, Latin-1",
        first="m6rec preprocess --interactions ratings.dat --items movies.dat --users users.dat "
        "--out data",
        second="m6rec preprocess --interactions ratings.dat --items movies.dat --users users.dat "
        "--no-header --columns user=1,item=2,time=4 --out data",
        hint="--columns user=1,item=2",
        truth=Truth(
            events=truth_events(world.picks, users, items),
            items={"2": "text", "3": "set"},
            users={
                "2": "categorical",
                "3": "numeric|categorical",
                "4": "numeric|categorical",
                "5": "categorical",
            },
            first_ms=world.first_ms(),
        ),
    )


def movielens_20m(folder: Path) -> RawForm:
    """files.grouplens.org/datasets/movielens/ml-20m-README.html."""
    world = make_world(3, start=1_112_486_027, days=900)
    users, items = [str(u + 1) for u in range(64)], [str(90 * i + 2) for i in range(48)]
    rows = world.grouped()
    rows.sort(key=lambda p: (p.user, p.item))  # as published: by user, then movie
    write_csv(
        folder / "ratings.csv",
        [
            ("userId", "movieId", "rating", "timestamp"),
            *((users[p.user], items[p.item], f"{p.rating - 0.5}", p.time) for p in rows),
        ],
    )
    write_csv(
        folder / "movies.csv",
        [
            ("movieId", "title", "genres"),
            *(
                (items[i], f"{name_of(i)}, The ({1950 + i})", f"{GENRES[i % 4]}|IMAX")
                for i in range(48)
            ),
        ],
    )
    return RawForm(
        name="MovieLens-20M",
        form="CSV, `genres` joined by bars",
        first="m6rec preprocess --interactions ratings.csv --items movies.csv "
        "--positive 'rating >= 4' --out data",
        truth=Truth(
            events=truth_events(world.picks, users, items),
            items={"title": "text", "genres": "set"},
            first_ms=world.first_ms(),
            labelled=sum(p.rating - 0.5 >= 4 for p in world.picks),
        ),
    )
