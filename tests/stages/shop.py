"""A small shop as raw files, and its data directory."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from m6rec_cli.config import resolve as configuration
from m6rec_cli.data.store import Dataset
from m6rec_cli.stages import preprocess
from m6rec_cli.system.feature_spec import FeatureSpec
from m6rec_cli.system.progress import SilentReporter, Summary

DAY = 86_400


@dataclass(frozen=True)
class Shop:
    """Raw files and what `preprocess` makes of them."""

    paths: dict[str, Path]
    data: Dataset
    summary: Summary


def write_shop(folder: Path, *, n_users: int = 12, seed: int = 0) -> dict[str, Path]:
    """Write a small shop with many feature kinds, broken cells, and an item `i14` without events.

    Users have 4 to 9 events.
    """
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pics").mkdir(exist_ok=True)
    items = [f"i{k}" for k in range(15)]
    for k in range(13):
        Image.new("RGB", (12, 12), (20 * k, 0, 0)).save(folder / "pics" / f"{k}.png")
    (folder / "pics" / "13.png").write_text("broken")
    with (folder / "items.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["item_id", "title", "price", "brand", "tags", "picture", "emb"])
        for k, item in enumerate(items):
            out.writerow(
                [
                    item,
                    f"A fine thing number {k}",
                    "n/a" if k == 3 else f"{5 + k}.5",
                    ("Acme", "Bolt")[k % 2],
                    "|".join(["red", "big", "new"][: 1 + k % 3]),
                    f"pics/{k}.png" if k != 14 else "",
                    f"0.{k} 1.0 {k}.5",
                ]
            )
    with (folder / "users.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["user_id", "age", "gender"])
        out.writerows([f"u{k}", 20 + k, "mf"[k % 2]] for k in range(n_users))
        out.writerow(["profile-only", 99, "f"])
    rows: list[tuple[Any, ...]] = []
    for user in range(n_users):
        for n in range(4 + user % 6):
            rows.append(
                (
                    f"u{user}",
                    items[int(rng.integers(14))],
                    1_600_000_000 + n * DAY + user,
                    "buy" if n % 3 else "view",
                    int(rng.integers(1, 6)),
                )
            )
    rng.shuffle(rows)
    with (folder / "events.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["user_id", "item_id", "timestamp", "event", "rating"])
        out.writerows(rows)
    return {
        "interactions": folder / "events.csv",
        "items": folder / "items.csv",
        "users": folder / "users.csv",
    }


def preprocessed(
    out: Path, inputs: dict[str, Any], *sets: str, report: SilentReporter | None = None
) -> tuple[Dataset, Summary]:
    """Run `preprocess`; `inputs` are fields of `PreprocessInputs`."""
    summary = preprocess.run(
        configuration.resolve(sets=sets),
        preprocess.PreprocessInputs(**inputs),
        out,
        report or SilentReporter(),
    )
    return Dataset.open(out), summary


def spec_of(data: Dataset, name: str) -> FeatureSpec:
    """The feature of that name."""
    return next(s for s in data.specs if s.name == name)
