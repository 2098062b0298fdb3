"""Gowalla and Foursquare: check-ins."""

from datetime import UTC, datetime
from pathlib import Path

from raw_forms.world import (
    GENRES,
    RawForm,
    Truth,
    make_world,
    truth_events,
    write_joined,
)


def _utc(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def gowalla(folder: Path) -> RawForm:
    """snap.stanford.edu/data/loc-gowalla.html."""
    world = make_world(46, start=1_256_000_000, days=360, repeats=True)
    users, items = [str(u) for u in range(64)], [str(22847 + 409 * i) for i in range(48)]
    write_joined(
        folder / "loc-gowalla_totalCheckins.txt",
        [
            (
                users[p.user],
                f"{_utc(p.time):%Y-%m-%dT%H:%M:%SZ}",
                30.2359091 + p.item / 70,
                -97.7951395 - p.item / 90,
                items[p.item],
            )
            for p in sorted(world.picks, key=lambda p: (p.user, -p.time))
        ],
        "\t",
    )
    return RawForm(
        name="Gowalla",
        form="tabs, no header line, newest first, user 0",
        first="m6rec preprocess --interactions loc-gowalla_totalCheckins.txt --out data",
        second="m6rec preprocess --interactions loc-gowalla_totalCheckins.txt --no-header "
        "--columns user=1,item=5,time=2 --items-from-interactions --out data",
        hint="--columns user=1,item=2",
        truth=Truth(
            events=truth_events(world.picks, users, items),
            items={"3": "numeric", "4": "numeric"},
            first_ms=world.first_ms(),
        ),
    )


def foursquare(folder: Path) -> RawForm:
    """sites.google.com/site/yangdingqi/home/foursquare-dataset, `dataset_TSMC2014_readme.txt`."""
    world = make_world(47, start=1_333_476_009, days=300, repeats=True)
    users, items = (
        [str(470 + u) for u in range(64)],
        [f"49bbd6c0f964a520f4531f{i:02x}" for i in range(48)],
    )
    write_joined(
        folder / "dataset_TSMC2014_NYC.txt",
        [
            (
                users[p.user],
                items[p.item],
                f"4bf58dd8d48988d127951{p.item % 4:03x}",
                f"{GENRES[p.item % 4]} Café",
                40.7198 + p.item / 900,
                -74.0025 + p.item / 800,
                -240,
                f"{_utc(p.time):%a %b %d %H:%M:%S +0000 %Y}",
            )
            for p in world.picks
        ],
        "\t",
        "latin-1",
    )
    return RawForm(
        name="Foursquare NYC",
        form="tabs, no header, `Tue Apr 03 18:00:09 +0000 2012`",
        first="m6rec preprocess --interactions dataset_TSMC2014_NYC.txt --out data",
        second="m6rec preprocess --interactions dataset_TSMC2014_NYC.txt --no-header "
        "--columns user=1,item=2,time=8 --items-from-interactions --out data",
        hint="--columns user=1,item=2",
        truth=Truth(
            events=truth_events(world.picks, users, items),
            items={"3": "categorical?", "4": "categorical|text", "5": "numeric", "6": "numeric"},
            first_ms=world.first_ms(),
        ),
    )
