"""Last.fm 1K and 360K: plays of songs and artists."""

from datetime import UTC, datetime
from pathlib import Path

from raw_forms.world import (
    GENRES,
    RawForm,
    Truth,
    make_world,
    name_of,
    truth_events,
    write_joined,
)


def _utc(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _uuid(n: int) -> str:
    return f"f1b1cf71-bd35-4e99-8624-{n:012x}"


def lastfm_1k(folder: Path) -> RawForm:
    """ocelma.net/MusicRecommendationDataset/lastfm-1K.html."""
    world = make_world(41, start=1_147_000_000, days=900, repeats=True)
    users, items = [f"user_{u + 1:06}" for u in range(64)], [_uuid(4096 + i) for i in range(48)]
    titles = [
        f'"{name_of(i)}" (12" Mix)'
        if i % 6 == 0
        else f'{name_of(i)} 7"'
        if i % 6 == 1
        else name_of(i)
        for i in range(48)
    ]
    rows = sorted(world.picks, key=lambda p: (p.user, -p.time))  # newest first
    write_joined(
        folder / "userid-timestamp-artid-artname-traid-traname.tsv",
        [
            (
                users[p.user],
                f"{_utc(p.time):%Y-%m-%dT%H:%M:%SZ}",
                _uuid(p.item // 2),
                f"The {GENRES[p.item % 4]} {p.item // 2}",
                items[p.item],
                titles[p.item],
            )
            for p in rows
        ],
        "\t",
    )
    return RawForm(
        name="Last.fm 1K",
        form="tabs, no header line, lone quotes, newest first",
        first="m6rec preprocess --interactions "
        "userid-timestamp-artid-artname-traid-traname.tsv --out data",
        second="m6rec preprocess --interactions "
        "userid-timestamp-artid-artname-traid-traname.tsv --no-header "
        "--columns user=1,item=5,time=2 --items-from-interactions --out data",
        hint="--columns user=1,item=2",
        truth=Truth(
            events=truth_events(world.picks, users, items),
            items={"3": "categorical?", "4": "categorical|text", "6": "text"},
            first_ms=world.first_ms(),
        ),
    )


def lastfm_360k(folder: Path) -> RawForm:
    """ocelma.net/MusicRecommendationDataset/lastfm-360K.html."""
    world = make_world(42)
    items = [_uuid(i) for i in range(48)]
    users = [f"{(u + 1) * 7919:040x}" for u in range(64)]
    rows = sorted(world.picks, key=lambda p: (p.user, p.time))
    write_joined(
        folder / "usersha1-artmbid-artname-plays.tsv",
        [
            (users[p.user], items[p.item], f"die {GENRES[p.item % 4]} {p.item}", 2137 - at)
            for at, p in enumerate(rows)
        ],
        "\t",
    )
    return RawForm(
        name="Last.fm 360K",
        form="tabs, no header line, counts, no time",
        first="m6rec preprocess --interactions usersha1-artmbid-artname-plays.tsv --out data",
        second="m6rec preprocess --interactions usersha1-artmbid-artname-plays.tsv --no-header "
        "--columns user=1,item=2,weight=4 --out data",
        hint="--columns user=1,item=2",
        truth=Truth(events=truth_events(rows, users, items)),
    )
