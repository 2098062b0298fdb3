"""Yelp and Steam: reviews of places and games."""

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
    write_json_lines,
    write_lines,
)


def yelp(folder: Path) -> RawForm:
    """yelp.com/dataset/documentation/main."""
    world = make_world(34, start=1_388_534_400, days=2000)
    users, items = (
        [f"Ha3iJu77CxlrFm-vQRs_{u:02}" for u in range(64)],
        [f"tnhfDv5Il8EaGSXZGiu{i:02}-" for i in range(48)],
    )
    write_json_lines(
        folder / "yelp_academic_dataset_review.json",
        [
            {
                "review_id": f"zdSx_SD6obEhz9VrW9u{k:03}",
                "user_id": users[p.user],
                "business_id": items[p.item],
                "stars": float(p.rating),
                "useful": k % 3,
                "funny": 0,
                "cool": k % 2,
                "text": sentence_of(p.item, world.rng),
                "date": f"{datetime.fromtimestamp(p.time, UTC):%Y-%m-%d %H:%M:%S}",
            }
            for k, p in enumerate(sorted(world.picks, key=lambda p: p.rating))
        ],
    )
    write_json_lines(
        folder / "yelp_academic_dataset_business.json",
        [
            {
                "business_id": items[i],
                "name": name_of(i),
                "address": f"{i + 1} Main St",
                "city": "San Francisco" if i % 3 else "Oakland",
                "state": "CA",
                "postal_code": f"941{i % 20:02}",
                "latitude": 37.75 + i / 300,
                "longitude": -122.39 - i / 300,
                "stars": 3.5 + i % 4 / 2,
                "review_count": sum(p.item == i for p in world.picks),
                "is_open": int(i % 5 > 0),
                "attributes": {"RestaurantsTakeOut": "True", "WiFi": "u'free'"} if i % 2 else None,
                "categories": f"{GENRES[i % 4]}, Restaurants, {GENRES[i // 4 % 4]} Bars",
                "hours": {"Monday": "10:0-21:0"} if i % 2 else None,
            }
            for i in range(48)
        ],
    )
    write_json_lines(
        folder / "yelp_academic_dataset_user.json",
        [
            {
                "user_id": users[u],
                "name": name_of(u).split()[0],
                "review_count": sum(p.user == u for p in world.picks),
                "yelping_since": f"201{u % 4}-04-{1 + u % 28:02} 10:33:15",
                "useful": u,
                "elite": "2015,2016" if u % 5 == 0 else "",
                "friends": ", ".join(users[(u * d) % 20] for d in (1, 2, 3)) if u % 4 else "None",
                "fans": u % 7,
                "average_stars": 3.2 + u % 5 / 4,
            }
            for u in range(64)
        ],
    )
    return RawForm(
        name="Yelp",
        form="JSON lines, `business_id`, nested attributes",
        first="m6rec preprocess --interactions yelp_academic_dataset_review.json --items "
        "yelp_academic_dataset_business.json --users yelp_academic_dataset_user.json --out data",
        truth=Truth(
            events=truth_events(world.picks, users, items),
            items={
                "name": "text",
                "city": "categorical",
                "state": "categorical?",
                "postal_code": "categorical",
                "latitude": "numeric",
                "longitude": "numeric",
                "categories": "set",
                "is_open": "categorical|numeric",
                "stars": "numeric?",
                "review_count": "numeric?",
            },
            users={
                "yelping_since": "numeric",
                "fans": "numeric",
                "elite": "set|categorical",
                "friends": "set?",
                "useful": "numeric?",
                "average_stars": "numeric?",
                "review_count": "numeric?",
            },
            first_ms=world.first_ms(),
        ),
    )


def steam(folder: Path) -> RawForm:
    """cseweb.ucsd.edu/~wckang/steam_reviews.json.gz and steam_games.json.gz: Python dicts."""
    world = make_world(35, start=1_388_534_400, days=1400)
    users = [f'Chaos "{u}" O\'Syren' if u % 9 == 0 else f"player{u}" for u in range(64)]
    items = [str(725280 + 10 * i) for i in range(48)]

    rows = sorted(world.picks, key=lambda p: p.item)
    by_day = sorted(rows, key=lambda p: p.time // 86400)  # lines of one day are in file order

    def line(values: dict[str, object]) -> str:
        return "{" + ", ".join(f"u'{k}': {_python2(v)}" for k, v in values.items()) + "}"

    write_lines(
        folder / "steam_reviews.json.gz",
        [
            line(
                {
                    "username": users[p.user],
                    "hours": 0.1 + k % 50,
                    "products": 92 + p.user,
                    "product_id": items[p.item],
                    "page_order": k % 10,
                    "date": f"{datetime.fromtimestamp(p.time, UTC):%Y-%m-%d}",
                    "text": f"It's {sentence_of(p.item, world.rng)}",
                    "early_access": k % 4 == 0,
                    "page": 1 + k // 10,
                }
            )
            for k, p in enumerate(rows)
        ],
    )
    write_lines(
        folder / "steam_games.json.gz",
        [
            line(
                {
                    "publisher": f"Studio {i % 5}",
                    "genres": [GENRES[i % 4], "Indie"],
                    "app_name": name_of(i),
                    "url": f"http://store.steampowered.com/app/{items[i]}/x/",
                    "title": name_of(i),
                    "release_date": f"201{i % 8}-07-{1 + i % 28:02}",
                    "tags": [GENRES[i % 4], "Strategy"],
                    "discount_price": 4.49,
                    "specs": ["Single-player"],
                    "price": 4.99 + i % 9 if i % 24 else "Free To Play",
                    "early_access": False,
                    "id": items[i],
                    "developer": f"Dev {i % 6}",
                }
            )
            for i in range(48)
        ],
    )
    return RawForm(
        name="Steam",
        form="lines of Python dicts: `u'username'`",
        first="m6rec preprocess --interactions steam_reviews.json.gz "
        "--items steam_games.json.gz --out data",
        truth=Truth(
            events=truth_events(by_day, users, items),
            items={
                "title": "text",
                "app_name": "text?",
                "genres": "set",
                "tags": "set",
                "price": "numeric",
                "publisher": "categorical",
                "developer": "categorical",
                "release_date": "numeric",
                "specs": "set?",
                "discount_price": "numeric?",
                "early_access": "categorical?",
            },
            first_ms=world.first_ms(86_400),
        ),
    )


def _python2(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_python2, value)) + "]"
    return f"u{value!r}" if isinstance(value, str) else repr(value)
