"""H&M and Online Retail: purchases of shops."""

import hashlib
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
    write_csv,
)

_ARTICLE_COLUMNS = [
    "article_id",
    "product_code",
    "prod_name",
    "product_type_no",
    "product_type_name",
    "product_group_name",
    "graphical_appearance_no",
    "graphical_appearance_name",
    "colour_group_code",
    "colour_group_name",
    "perceived_colour_value_id",
    "perceived_colour_value_name",
    "perceived_colour_master_id",
    "perceived_colour_master_name",
    "department_no",
    "department_name",
    "index_code",
    "index_name",
    "index_group_no",
    "index_group_name",
    "section_no",
    "section_name",
    "garment_group_no",
    "garment_group_name",
    "detail_desc",
]


def h_and_m(folder: Path) -> RawForm:
    """kaggle.com/competitions/h-and-m-personalized-fashion-recommendations/data."""
    world = make_world(11, start=1_537_401_600, repeats=True)
    hashes = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(200)]
    users, items = hashes[:64], [f"0{108775 + 37 * i}{15 + i:03}" for i in range(48)]
    day = [f"{datetime.fromtimestamp(p.time, UTC):%Y-%m-%d}" for p in world.picks]
    write_csv(
        folder / "transactions_train.csv",
        [
            ("t_dat", "customer_id", "article_id", "price", "sales_channel_id"),
            *(
                (d, users[p.user], items[p.item], 0.0169 + p.item / 1000, 1 + p.time % 2)
                for d, p in zip(day, world.picks, strict=True)
            ),
        ],
    )

    def article(i: int) -> list[object]:
        taste, colour = i % 4, i % 5
        kind = ("Vest top", "Trousers", "Bra", "Socks")[taste]
        shade = ("Black", "White", "Beige", "Grey", "Blue")[colour]
        return [
            *(items[i], items[i][:7], name_of(i), 250 + taste, kind, "Garment"),
            *(1010016 + colour, "Solid" if colour else "Stripe", f"{9 + colour:02}", shade),
            *(
                1 + colour,
                shade[:3],
                5 + colour,
                shade,
                1676 + taste,
                f"Jersey {kind}",
                "ABCD"[taste],
            ),
            *("Ladieswear", 1, "Ladieswear", 16 + taste, f"Basics {taste}", 1002 + taste, kind),
            sentence_of(i, world.rng).capitalize() + ".",
        ]

    write_csv(folder / "articles.csv", [_ARTICLE_COLUMNS, *map(article, range(48))])
    write_csv(
        folder / "customers.csv",
        [
            (
                "customer_id",
                "FN",
                "Active",
                "club_member_status",
                "fashion_news_frequency",
                "age",
                "postal_code",
            ),
            *(
                (
                    users[u],
                    *(("1.0", "1.0") if u % 3 else ("", "")),
                    ("ACTIVE", "PRE-CREATE")[u % 7 == 0],
                    ("NONE", "Regularly")[u % 2],
                    18 + u * 7 % 60,
                    hashes[64 + u],
                )
                for u in range(64)
            ),
        ],
    )
    codes = {
        c: "categorical" for c in _ARTICLE_COLUMNS if c.endswith(("_no", "_code", "_id", "_name"))
    }
    del codes["article_id"], codes["product_code"], codes["prod_name"]
    optional = dict.fromkeys(
        ("index_group_no", "product_group_name", "index_name", "index_group_name"), "categorical?"
    )
    return RawForm(
        name="H&M",
        form="dates alone, hashes, `0108775015`, 25 item columns",
        first="m6rec preprocess --interactions transactions_train.csv --items articles.csv "
        "--users customers.csv --out data",
        truth=Truth(
            events=truth_events(world.picks, users, items),
            items={
                **codes,
                **optional,
                "product_code": "categorical?",
                "prod_name": "text",
                "detail_desc": "text",
            },
            users={
                "FN": "categorical|numeric",
                "Active": "categorical|numeric",
                "club_member_status": "categorical",
                "fashion_news_frequency": "categorical",
                "age": "numeric",
            },
            first_ms=world.first_ms(86_400),
        ),
    )


def online_retail(folder: Path) -> RawForm:
    """archive.ics.uci.edu/dataset/352/online+retail, as CSV: kaggle.com/carrie1/ecommerce-data."""
    world = make_world(13, start=1_291_191_960, days=370, repeats=True)
    users, items = (
        [str(17850 + 3 * u) for u in range(64)],
        [f"{84406 + i}{'B' * (i % 3 == 0)}" for i in range(48)],
    )
    rows, events, previous = [], [], 0
    for at, pick in enumerate(world.picks):
        minute = datetime.fromtimestamp(pick.time, UTC)
        when = f"{minute.month}/{minute.day}/{minute.year} {minute.hour}:{minute:%M}"
        named = f"{GENRES[pick.item % 4].upper()} {name_of(pick.item).upper()}"
        named += " £5 TAG" if pick.item == 7 else ""
        line = [items[pick.item], named, 1 + pick.item % 12, when, f"{0.85 + pick.item / 10:.2f}"]
        if at % 25 == 24:  # a cancellation, and a line without a customer
            rows.append(
                [f"C{536365 + at}", *line[:2], -1, *line[3:], f"{users[previous]}.0", "France"]
            )
            rows.append([536365 + at, *line, "", "United Kingdom"])
        rows.append([536365 + at, *line, f"{users[pick.user]}.0", "United Kingdom"])
        events.append((users[pick.user], items[pick.item]))
        previous = pick.user
    write_csv(
        folder / "data.csv",
        [
            (
                "InvoiceNo",
                "StockCode",
                "Description",
                "Quantity",
                "InvoiceDate",
                "UnitPrice",
                "CustomerID",
                "Country",
            ),
            *rows,
        ],
        encoding="latin-1",
    )
    return RawForm(
        name="Online Retail",
        form="Latin-1, `12/1/2010 8:26`, `17850.0`, cancellations",
        first="m6rec preprocess --interactions data.csv --items-from-interactions --out data",
        truth=Truth(
            events=events,
            items={"Description": "text", "UnitPrice": "numeric"},
            first_ms=world.first_ms(60),
        ),
    )
