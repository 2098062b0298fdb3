"""Amazon reviews of 2014 and 2023, and ratings alone."""

import json
from datetime import UTC, datetime
from pathlib import Path

from raw_forms.world import (
    GENRES,
    RawForm,
    Truth,
    make_world,
    name_of,
    sentence_of,
    truth_events,
    write_joined,
    write_json_lines,
    write_lines,
)


def _codes(prefix: str, n: int, step: int = 104_729) -> list[str]:
    letters = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
    return [
        prefix + "".join(letters[(k * step // 33**d) % 33] for d in range(12 - len(prefix)))
        for k in range(1, n + 1)
    ]


def _month_day_year(seconds: int) -> str:
    day = datetime.fromtimestamp(seconds, UTC)
    return f"{day:%m} {day.day}, {day.year}"


def amazon_2014(folder: Path) -> RawForm:
    """jmcauley.ucsd.edu/data/amazon/links.html: reviews are JSON, metadata Python."""
    world = make_world(31, start=1_168_646_400, days=2700)
    users, items = _codes("A", 64), _codes("B00", 48, 7919)
    write_lines(
        folder / "reviews_Beauty_5.json.gz",
        [
            json.dumps(
                {
                    "reviewerID": users[p.user],
                    "asin": items[p.item],
                    "reviewerName": f'{name_of(p.user)} "user{p.user}"',
                    "helpful": [p.user % 4, 4],
                    "reviewText": sentence_of(p.item, world.rng),
                    "overall": float(p.rating),
                    "summary": f"review {k}",
                    "unixReviewTime": p.time // 86400 * 86400,
                    "reviewTime": _month_day_year(p.time),
                }
            )
            for k, p in enumerate(sorted(world.picks, key=lambda p: (p.item, p.time)))
        ],
    )
    write_lines(
        folder / "meta_Beauty.json.gz",
        [
            repr(
                {
                    "asin": items[i],
                    "description": f"It's {sentence_of(i, world.rng)}",
                    "title": f"{name_of(i)} {GENRES[i % 4]}",
                    "imUrl": f"http://ecx.images-amazon.com/images/I/{items[i]}.jpg",
                    "related": {"also_viewed": [items[(i + 4) % 48]]},
                    "salesRank": {"Beauty": 1000 + i},
                    "categories": [["Beauty", GENRES[i % 4]]],
                    **({"price": 5.35 + i, "brand": f"Brand{i % 6}"} if i % 5 else {}),
                }
            )
            for i in range(48)
        ],
    )
    return RawForm(
        name="Amazon 2014",
        form="JSON lines, `.gz`; metadata are Python dicts",
        first="m6rec preprocess --interactions reviews_Beauty_5.json.gz "
        "--items meta_Beauty.json.gz "
        "--out data",
        truth=Truth(
            events=truth_events(world.picks, users, items),
            items={
                "title": "text",
                "description": "text",
                "categories": "set|text",
                "price": "numeric",
                "brand": "categorical",
            },
            first_ms=world.first_ms(86_400),
        ),
    )


def amazon_ratings(folder: Path) -> RawForm:
    """jmcauley.ucsd.edu/data/amazon/links.html, "ratings only"."""
    world = make_world(32, start=1_168_646_400, days=2700)
    users, items = _codes("A", 64), _codes("01", 48, 7919)
    write_joined(
        folder / "ratings_Musical_Instruments.csv",
        [
            (users[p.user], items[p.item], float(p.rating), p.time)
            for p in sorted(world.picks, key=lambda p: (p.item, p.user))
        ],
        ",",
    )
    return RawForm(
        name="Amazon ratings",
        form="CSV without header line, sorted by item",
        first="m6rec preprocess --interactions ratings_Musical_Instruments.csv --out data",
        second="m6rec preprocess --interactions ratings_Musical_Instruments.csv --no-header "
        "--columns user=1,item=2,time=4 --out data",
        hint="--columns user=1,item=2",
        truth=Truth(events=truth_events(world.picks, users, items), first_ms=world.first_ms()),
    )


def amazon_2023(folder: Path) -> RawForm:
    """amazon-reviews-2023.github.io."""
    world = make_world(33, start=1_588_615_855, days=1100)
    users, items = (
        [f"AFKZENTNBQ7A7V7UXW5JJI6UG{u:03}" for u in range(64)],
        _codes("B07", 48),
    )
    write_json_lines(
        folder / "All_Beauty.jsonl",
        [
            {
                "rating": float(p.rating),
                "title": f"review {k}",
                "text": sentence_of(p.item, world.rng),
                "images": [{"small_image_url": "https://m.media-amazon.com/a.jpg"}]
                if k % 9 == 0
                else [],
                "asin": items[p.item][:-1] + "VWXYZ"[k % 5],
                "parent_asin": items[p.item],
                "user_id": users[p.user],
                "timestamp": p.time * 1000 + 566,
                "helpful_vote": k % 3,
                "verified_purchase": k % 4 > 0,
            }
            for k, p in enumerate(world.picks)
        ],
    )
    write_json_lines(
        folder / "meta_All_Beauty.jsonl",
        [
            {
                "main_category": "All Beauty",
                "title": f"{name_of(i)} {GENRES[i % 4]}",
                "average_rating": 3.1 + i % 7 / 4,
                "rating_number": sum(p.item == i for p in world.picks),
                "features": [sentence_of(i, world.rng, 4), sentence_of(i, world.rng, 4)],
                "description": [sentence_of(i, world.rng)] if i % 3 else [],
                "price": 9.99 + i if i % 4 else None,
                "images": [
                    {"thumb": "https://m.media-amazon.com/i.jpg", "variant": "MAIN", "hi_res": None}
                ],
                "videos": [],
                "store": f"Store {i % 6}",
                "categories": ["Beauty", GENRES[i % 4]],
                "details": {
                    "Brand": f"Store {i % 6}",
                    "Item Form": "Cream",
                    "UPC": f"{644287689178 + i}",
                },
                "parent_asin": items[i],
                "bought_together": None,
            }
            for i in range(48)
        ],
    )
    return RawForm(
        name="Amazon 2023",
        form="JSON lines, `asin` and `parent_asin`, milliseconds",
        first="m6rec preprocess --interactions All_Beauty.jsonl "
        "--items meta_All_Beauty.jsonl --out data",
        truth=Truth(
            events=truth_events(world.picks, users, items),
            items={
                "title": "text",
                "features": "text|set",
                "description": "text",
                "price": "numeric",
                "store": "categorical",
                "categories": "set|text",
                "main_category": "categorical?",
                "average_rating": "numeric?",
                "rating_number": "numeric|categorical?",
            },
            first_ms=world.first_ms() + 566,
        ),
    )
