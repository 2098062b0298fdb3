"""MIND, KuaiRec and Tenrec: news and videos."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from raw_forms.world import (
    GENRES,
    RawForm,
    Truth,
    make_world,
    name_of,
    sentence_of,
    truth_events,
    write_csv,
    write_joined,
)


def _utc(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def mind(folder: Path) -> RawForm:
    """learn.microsoft.com/azure/open-datasets/dataset-microsoft-news."""
    world = make_world(43, start=1_573_258_000, days=6, repeats=True)
    users, items = [f"U{80234 + u}" for u in range(64)], [f"N{55189 + i}" for i in range(48)]
    lines, clicked = [], []
    for at, pick in enumerate(world.picks):
        shown = [(items[(pick.item + d) % 48], 0) for d in (1, 2)]
        shown.insert(at % 3, (items[pick.item], 1))
        past = [items[p.item] for p in world.picks[:at] if p.user == pick.user]
        when = f"{_utc(pick.time):%m/%d/%Y %I:%M:%S %p}"
        when = "/".join(part.lstrip("0") for part in when.split("/"))
        lines.append(
            (at + 1, users[pick.user], when, " ".join(past), " ".join(f"{i}-{c}" for i, c in shown))
        )
        clicked.append((users[pick.user], items[pick.item]))
    write_joined(folder / "behaviors.tsv", lines, "\t")
    write_joined(
        folder / "news.tsv",
        [
            (
                items[i],
                GENRES[i % 4].lower(),
                f"{GENRES[i % 4].lower()}{i % 8}",
                f'{name_of(i)} "{sentence_of(i, world.rng, 4)}',
                sentence_of(i, world.rng) if i % 5 else "",
                f"https://assets.msn.com/labs/mind/{items[i]}.html",
                f'[{{"Label": "{name_of(i)}", "Type": "P", "WikidataId": "Q{80976 + i}"}}]',
                "[]",
            )
            for i in range(48)
        ],
        "\t",
    )
    return RawForm(
        name="MIND",
        form="tabs, no header lines, lists `N55689-1 N35729-0`",
        first="m6rec preprocess --interactions behaviors.tsv --items news.tsv --out data",
        second="m6rec preprocess --interactions behaviors.tsv --items news.tsv --no-header "
        "--columns user=2,item=5,time=3 --out data",
        hint="--columns user=1,item=2",
        truth=Truth(events=clicked, first_ms=world.first_ms()),
    )


def kuairec(folder: Path) -> RawForm:
    """kuairec.com; github.com/chongminggao/KuaiRec."""
    world = make_world(44, start=1_593_878_903, days=60, repeats=True)
    users, items = [str(3649 + u) for u in range(64)], [str(13838 + 3 * i) for i in range(48)]
    china = timezone(timedelta(hours=8))
    rows = []
    for k, p in enumerate(sorted(world.picks, key=lambda p: p.user)):
        local = datetime.fromtimestamp(p.time, china)
        length, watched = 8000 + 100 * p.item, 3000 * p.rating + k % 900
        rows.append(
            (
                users[p.user],
                items[p.item],
                watched,
                length,
                f"{local:%Y-%m-%d %H:%M:%S}.438",
                f"{local:%Y%m%d}",
                f"{p.time}.438",
                watched / length,
            )
        )
    header = (
        "user_id",
        "video_id",
        "play_duration",
        "video_duration",
        "time",
        "date",
        "timestamp",
        "watch_ratio",
    )
    write_csv(folder / "big_matrix.csv", [header, *rows])
    write_csv(
        folder / "item_categories.csv",
        [
            ("video_id", "feat"),
            *((items[i], f"[{i % 4}, {8 + i % 4}]" if i % 2 else f"[{i % 4}]") for i in range(48)),
        ],
    )
    return RawForm(
        name="KuaiRec",
        form="three columns of time, `watch_ratio`",
        first="m6rec preprocess --interactions big_matrix.csv --items item_categories.csv "
        "--positive 'watch_ratio > 1' --out data",
        truth=Truth(
            events=truth_events(world.picks, users, items),
            items={"feat": "set"},
            first_ms=world.first_ms() + 438,
            labelled=sum(row[-1] > 1 for row in rows),
        ),
    )


def tenrec(folder: Path) -> RawForm:
    """github.com/yuangh-x/2022-NIPS-Tenrec, `QB-video.csv`: a user's lines are in order."""
    world = make_world(45)
    users, items = [str(u + 1) for u in range(64)], [str(4 + 97 * i) for i in range(48)]
    rows = sorted(world.picks, key=lambda p: p.user)
    write_csv(
        folder / "QB-video.csv",
        [
            (
                "user_id",
                "item_id",
                "click",
                "follow",
                "like",
                "share",
                "video_category",
                "watching_times",
                "gender",
                "age",
            ),
            *(
                (
                    users[p.user],
                    items[p.item],
                    int(p.rating > 2),
                    0,
                    int(p.rating > 4),
                    0,
                    p.item % 2,
                    p.rating - 1,
                    1 + p.user % 2,
                    p.user % 7,
                )
                for p in rows
            ),
        ],
    )
    return RawForm(
        name="Tenrec",
        form="impressions with `click` of 0 and 1, no time",
        first="m6rec preprocess --interactions QB-video.csv --items-from-interactions --out data",
        second="m6rec preprocess --interactions QB-video.csv --items-from-interactions "
        "--positive 'click == 1' --out data",
        hint="--positive 'click == 1'",
        truth=Truth(
            events=truth_events(rows, users, items),
            items={"video_category": "categorical|numeric"},
            labelled=sum(p.rating > 2 for p in rows),
        ),
    )
