"""A seed to a second small shop, for a run of the first one to serve without training.

    python sample_data/make_second_shop.py [FOLDER]        (default: `second_shop` beside this file)

It shares no product, customer, category or word with the first shop: its texts are French, its
prices are Czech crowns, and its tables have other columns for ids and time. What is planted:

- Each customer keeps to a **style**, which the pictures alone show: the same five patterns as in
  the first shop, so this is what a run of the first shop can bring along.
- Each customer keeps to a **topic**, which the words of the description alone show: content
  similarity finds it in any language.
- A visit goes from a department's first shelf to its second and third: this shop's log alone says
  which shelf follows which, as its categories are unknown to the run.
- Some products sell better than others for no visible reason.
"""

import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pictures
import polars as pl

SEED, CUSTOMERS, PER_SHELF = 20250701, 400, 20
START, DAYS = date(2025, 7, 1), 150
STYLE, TOPIC, QUALITY = 2.8, 2.8, 0.6
N_STYLES = len(pictures.STYLES)

# Department: for each shelf its name, a product's word, the usual price in crowns, its shape.
DEPARTMENTS = (
    (
        ("Arrosoirs", "arrosoir", 640, "jug"),
        ("Pots de fleurs", "cache-pot", 290, "pot"),
        ("Étiquettes", "étiquette", 90, "stick"),
    ),
    (
        ("Romans", "roman", 380, "book"),
        ("Liseuses", "lampe de lecture", 720, "lamp"),
        ("Marque-pages", "marque-page", 110, "cloth"),
    ),
    (
        ("Parapluies", "parapluie", 560, "dome"),
        ("Bottes", "bottes de pluie", 890, "shoe"),
        ("Sacs", "sac imperméable", 470, "satchel"),
    ),
    (
        ("Ukulélés", "ukulélé", 1900, "guitar"),
        ("Accordeurs", "accordeur", 430, "capsule"),
        ("Sangles", "sangle tressée", 240, "loop"),
    ),
)
TOPICS = (
    ("cousu main", "atelier familial", "teinture végétale", "petite série"),
    ("pliable", "poids plume", "tient dans la poche", "voyage"),
    ("garanti dix ans", "acier trempé", "éprouvé en laboratoire", "increvable"),
    ("motif ancien", "archives de la maison", "patine", "d'après un modèle de 1920"),
)
NAMES = ("Lys", "Loire", "Mistral", "Ondine", "Pivoine", "Quartz", "Rivage", "Sologne", "Tilleul")


def catalogue(rng: np.random.Generator) -> tuple[pl.DataFrame, dict[str, np.ndarray]]:
    """The item table, and what is planted in each product."""
    shelves = [(d, s) for d in range(len(DEPARTMENTS)) for s in range(3) for _ in range(PER_SHELF)]
    shelves = [shelves[i] for i in rng.permutation(len(shelves))]
    n = len(shelves)
    planted = {
        "department": np.array([d for d, _ in shelves]),
        "shelf": np.array([s for _, s in shelves]),
        "style": rng.integers(0, N_STYLES, n),
        "topic": rng.integers(0, len(TOPICS), n),
        "quality": rng.normal(0, QUALITY, n),
    }
    rows = []
    for i, (department, shelf) in enumerate(shelves):
        name, word, price, _ = DEPARTMENTS[department][shelf]
        said = rng.choice(TOPICS[planted["topic"][i]], 2, replace=False)
        rows.append(
            {
                "product": f"CZ-{i + 1:03d}",
                "title": f"{word.capitalize()} {rng.choice(NAMES)}",
                "description": f"Notre {word} : {said[0]}, {said[1]}.",
                "category": name,
                "price": str(round(price * float(np.exp(rng.normal(0, 0.2))))),
                "picture": f"CZ-{i + 1:03d}.png",
            }
        )
    return pl.DataFrame(rows), planted


def purchases(rng: np.random.Generator, planted: dict[str, np.ndarray]) -> list[tuple[int, int]]:
    """One customer's purchases, each a day and the row of a product."""
    n = len(planted["shelf"])
    likes = (
        STYLE * (planted["style"] == rng.integers(0, N_STYLES))
        + TOPIC * (planted["topic"] == rng.integers(0, len(TOPICS)))
        + planted["quality"]
    )
    department = int(rng.integers(0, len(DEPARTMENTS)))
    shelf, bought = 0, []
    days = np.sort(rng.choice(DAYS, int(rng.integers(4, 16)), replace=False))
    for day in days.tolist():
        here = (planted["department"] == department) & (planted["shelf"] == shelf)
        here[[item for _, item in bought]] = False
        odds = np.where(here, np.exp(likes), 0)
        bought.append((day, int(rng.choice(n, p=odds / odds.sum()))))
        if shelf < 2 and rng.random() < 0.75:
            shelf += 1
        else:
            department, shelf = int(rng.integers(0, len(DEPARTMENTS))), 0
    return bought


def make(folder: Path) -> None:
    """Write `orders.csv`, `products.csv` and `images/`."""
    rng = np.random.default_rng(SEED)
    products, planted = catalogue(rng)
    ids = products["product"].to_list()
    orders = [
        (START + timedelta(days=day), f"K{customer + 1:04d}", ids[item])
        for customer in range(CUSTOMERS)
        for day, item in purchases(rng, planted)
    ]
    orders.sort(key=lambda order: order[:2])
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(products["picture"]):
        department, shelf = planted["department"][i], planted["shelf"][i]
        shape = DEPARTMENTS[department][shelf][3]
        pictures.save(images / name, pictures.draw(shape, int(planted["style"][i]), rng))
    columns = {"date": pl.Date, "customer": pl.String, "product": pl.String}
    pl.DataFrame(orders, schema=columns, orient="row").write_csv(folder / "orders.csv")
    products.write_csv(folder / "products.csv")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "second_shop")
