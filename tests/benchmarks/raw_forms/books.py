"""Goodreads and Book-Crossing."""

import json
from datetime import datetime, timedelta, timezone
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
    write_lines,
)

_PACIFIC = timezone(timedelta(hours=-8))


def goodreads(folder: Path) -> RawForm:
    """github.com/MengtingWan/goodreads: reviews and books as JSON lines, `.gz`."""
    world = make_world(36, start=1_325_404_800, days=2000)
    users, items = (
        [f"{u:02}8842281e1d1347389f2ab93d60773d4d"[:32] for u in range(64)],
        [str(24375664 + 1007 * i) for i in range(48)],
    )

    def when(seconds: int) -> str:
        return f"{datetime.fromtimestamp(seconds, _PACIFIC):%a %b %d %H:%M:%S %z %Y}"

    write_lines(
        folder / "goodreads_reviews_poetry.json.gz",
        [
            json.dumps(
                {
                    "user_id": users[p.user],
                    "book_id": items[p.item],
                    "review_id": f"{k:04}8842281e1d1347389f2ab93d60773d4d"[:32],
                    "rating": p.rating,
                    "review_text": sentence_of(p.item, world.rng),
                    "date_added": when(p.time),
                    "date_updated": when(p.time + 9_000_000 * (k % 5)),
                    "read_at": when(p.time // 86400 * 86400 + 28800) if k % 3 else "",
                    "started_at": when(p.time // 86400 * 86400 - 400_000) if k % 4 else "",
                    "n_votes": k % 6,
                    "n_comments": 0,
                }
            )
            for k, p in enumerate(sorted(world.picks, key=lambda p: (p.user, -p.time)))
        ],
    )
    write_lines(
        folder / "goodreads_books_poetry.json.gz",
        [
            json.dumps(
                {
                    "isbn": f"{312853122 + i:010}" if i % 3 else "",
                    "text_reviews_count": str(i % 9),
                    "series": [],
                    "country_code": "US",
                    "language_code": ("eng", "spa", "")[i % 3],
                    "popular_shelves": [
                        {"count": "17", "name": "to-read"},
                        {"count": "3", "name": GENRES[i % 4].lower()},
                    ],
                    "asin": "",
                    "is_ebook": "false",
                    "average_rating": f"{3.2 + i % 8 / 5:.2f}",
                    "kindle_asin": "",
                    "similar_books": [items[(i + 4) % 48]],
                    "description": sentence_of(i, world.rng),
                    "format": ("Paperback", "Hardcover")[i % 2],
                    "link": f"https://www.goodreads.com/book/show/{items[i]}",
                    "authors": [{"author_id": str(604031 + i % 7), "role": ""}],
                    "publisher": f"Press {i % 5}",
                    "num_pages": str(90 + 7 * i),
                    "publication_day": str(1 + i % 28),
                    "isbn13": "",
                    "publication_month": str(1 + i % 12),
                    "edition_information": "",
                    "publication_year": str(1970 + i * 7 % 50),
                    "url": f"https://www.goodreads.com/book/show/{items[i]}",
                    "image_url": "https://images.gr-assets.com/a.jpg",
                    "book_id": items[i],
                    "ratings_count": str(sum(p.item == i for p in world.picks)),
                    "work_id": str(5400751 + 13 * i),
                    "title": name_of(i),
                    "title_without_series": name_of(i),
                }
            )
            for i in range(48)
        ],
    )
    return RawForm(
        name="Goodreads",
        form="JSON lines, `Fri Nov 17 00:00:00 -0800 2017`",
        first="m6rec preprocess --interactions goodreads_reviews_poetry.json.gz "
        "--items goodreads_books_poetry.json.gz --out data",
        truth=Truth(
            events=truth_events(world.picks, users, items),
            items={
                "title": "text",
                "description": "text",
                "publisher": "categorical",
                "format": "categorical",
                "language_code": "categorical",
                "num_pages": "numeric",
                "publication_year": "numeric|categorical",
                "publication_month": "numeric|categorical?",
                "publication_day": "numeric|categorical?",
                "title_without_series": "text?",
                "text_reviews_count": "numeric?",
                "average_rating": "numeric?",
                "ratings_count": "numeric?",
                "similar_books": "set?",
                "country_code": "categorical?",
                "is_ebook": "categorical?",
                "authors": "set?",
                "popular_shelves": "set?",
                "isbn": "categorical?",
            },
            first_ms=world.first_ms(),
        ),
    )


def book_crossing(folder: Path) -> RawForm:
    """informatik.uni-freiburg.de/~cziegler/BX: semicolons, quotes, Latin-1."""
    world = make_world(37)
    users = [str(276725 + u) for u in range(64)]
    items = [f"0{34545104 + 7919 * i}{'X' if i % 4 == 0 else i % 10}" for i in range(48)]
    rows = sorted(world.picks, key=lambda p: p.user)
    write_csv(
        folder / "BX-Book-Ratings.csv",
        [
            ("User-ID", "ISBN", "Book-Rating"),
            *((users[p.user], items[p.item], 2 * p.rating) for p in rows),
        ],
        separator=";",
        quote_all=True,
        encoding="latin-1",
    )
    url = "http://images.amazon.com/images/P/{}.01.{}ZZZZZZZ.jpg"
    write_csv(
        folder / "BX-Books.csv",
        [
            (
                "ISBN",
                "Book-Title",
                "Book-Author",
                "Year-Of-Publication",
                "Publisher",
                "Image-URL-S",
                "Image-URL-M",
                "Image-URL-L",
            ),
            *(
                (
                    items[i],
                    f"{name_of(i)}; {GENRES[i % 4]} d'été",
                    f"José {GENRES[i % 4]} {i % 5}",
                    1980 + i % 25 if i % 7 else 0,
                    f"Verlag {i % 6}",
                    *(url.format(items[i], size) for size in ("TH", "MZ", "LZ")),
                )
                for i in range(48)
            ),
        ],
        separator=";",
        quote_all=True,
        encoding="latin-1",
    )
    write_csv(
        folder / "BX-Users.csv",
        [
            ("User-ID", "Location", "Age"),
            *(
                (
                    users[u],
                    ("münchen, n/a, germany", "porto, n/a, portugal", "austin, texas, usa")[u % 3],
                    18 + u % 50 if u % 3 else "NULL",
                )
                for u in range(64)
            ),
        ],
        separator=";",
        quote_all=True,
        encoding="latin-1",
    )
    return RawForm(
        name="Book-Crossing",
        form="semicolons, quotes, Latin-1, no time",
        first="m6rec preprocess --interactions BX-Book-Ratings.csv --items BX-Books.csv "
        "--users BX-Users.csv "
        "--out data",
        truth=Truth(
            events=truth_events(rows, users, items),
            items={
                "Book-Title": "text",
                "Book-Author": "categorical|text",
                "Year-Of-Publication": "numeric|categorical",
                "Publisher": "categorical",
            },
            users={"Location": "set|categorical|text", "Age": "numeric"},
        ),
    )
