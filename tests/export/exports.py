"""Exports of the small shop, made once per module, and their lists beside those of `recommend`."""

import csv
import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from m6rec_cli.config.resolve import resolve
from m6rec_cli.stages import export, recommend
from m6rec_cli.system.progress import SilentReporter
from tests.inference.trained import shop
from tests.stages.recommending import make_request

__all__ = ["shop"]

FIXED_WITH_BIAS = ("recommend.ranking=fixed", "recommend.cold_item_bonus=1.5")
MODEL_ALONE = "recommend.ranking=model"


@dataclass(frozen=True)
class Export:
    """An export directory and its manifest."""

    folder: Path
    manifest: dict

    def array(self, name: str) -> np.ndarray:
        return np.load(self.folder / f"{name}.npy")

    def table(self, name: str) -> pl.DataFrame:
        return pl.read_parquet(self.folder / f"{name}.parquet", glob=False)


def make(shop, out: Path, *sets: str, overwrite: bool = False, **flags) -> Export:
    flags = flags or {"data": shop.data}
    request = make_request(shop.run, **flags)
    found = export.run(resolve(sets=sets), request, out, SilentReporter(), overwrite=overwrite)
    return Export(out, found)


_make = functools.cache(make)


@pytest.fixture(scope="session")
def exported(shop, tmp_path_factory: pytest.TempPathFactory) -> Export:
    """Made once per session, whichever modules import the fixture."""
    return _make(shop, tmp_path_factory.getbasetemp() / "export")


@pytest.fixture(scope="session")
def exported_with_bias(shop, tmp_path_factory: pytest.TempPathFactory) -> Export:
    """With fixed ranking weights, and a bonus for cold items."""
    return _make(shop, tmp_path_factory.getbasetemp() / "export-bias", *FIXED_WITH_BIAS)


def recommended(shop, folder: Path, *sets: str, **flags) -> pl.DataFrame:
    flags = flags or {"data": shop.data}
    out = folder / "recs.parquet"
    request = make_request(shop.run, **flags)
    recommend.run(resolve(sets=sets), request, str(out), SilentReporter(), overwrite=True)
    return pl.read_parquet(out, glob=False)


def seen_items(shop) -> dict[str, set[str]]:
    """The items of each user of the raw log."""
    found: dict[str, set[str]] = {}
    with shop.events.open() as file:
        for row in csv.DictReader(file):
            found.setdefault(row["user_id"], set()).add(row["item_id"])
    return found


def first_unseen(items: list[str], seen: set[str], k: int = 10) -> list[str]:
    return [item for item in items if item not in seen][:k]


def assert_same_lists(found: dict[str, list[str]], lists: pl.DataFrame, atol: float) -> None:
    """The same items; those whose scores differ by less than `atol` may be in either order."""
    assert found.keys() == set(lists["user_id"])
    for (user,), part in lists.group_by("user_id"):
        part = part.sort("rank")
        scores = dict(zip(part["item_id"], part["score"], strict=True))
        assert sorted(found[str(user)]) == sorted(scores)
        differences = part["score"] - pl.Series([scores[item] for item in found[str(user)]])
        assert differences.abs().max() < atol  # pyright: ignore[reportOperatorIssue]
