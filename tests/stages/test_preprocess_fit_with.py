"""Preprocessing with features that are fitted on the item tables of other shops, too."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tokenizers import Tokenizer

from m6rec_cli.data.multi_domain import open_domains
from m6rec_cli.system.errors import UsageError
from m6rec_cli.system.progress import SilentReporter
from tests.stages.shop import preprocessed, spec_of, write_shop

FIRST = ("red apple", "green apple", "red pear")
SECOND = ("wooden chair", "wooden table", "wooden stool", "wooden bench")


def write(
    folder: Path, prefix: str, titles: tuple[str, ...], **columns: list[Any]
) -> dict[str, Path]:
    """A log of three events of each of four users, and an item table without an item for them."""
    folder.mkdir()
    names = list(columns)
    lines = [",".join(["item_id", "title", *names])]
    for n, title in enumerate(titles):
        lines.append(",".join([f"{prefix}{n}", title, *(str(columns[c][n]) for c in names)]))
    (folder / "items.csv").write_text("\n".join(lines) + "\n")
    log = ["user_id,item_id,timestamp"]
    log += [
        f"u{u},{prefix}{(u + n) % len(titles)},{100 * u + n}" for u in range(4) for n in range(3)
    ]
    (folder / "events.csv").write_text("\n".join(log) + "\n")
    return {"interactions": folder / "events.csv", "items": folder / "items.csv"}


@pytest.fixture
def shops(tmp_path: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    first = write(
        tmp_path / "first",
        "a",
        FIRST,
        price=[1.5, 2.5, 3.5],
        brand=["Acme", "Acme", "Bolt"],
        tags=["x|y", "y|z", "x|z"],
        size=["big", "small", "big"],
    )
    second = write(
        tmp_path / "second",
        "b",
        SECOND,
        price=[10.5, 20.5, 30.5, 40.5],
        brand=["Chairs", "Chairs", "Tables", "Acme"],
        tags=["x;y;z", "y;z;x", "x;z;y", "z;x;y"],
        colour=["oak", "elm", "oak", "elm"],
    )
    return first, second


SETTINGS = ("data.split=none", "data.min_category_count=1")


def test_features_are_fitted_on_both_tables(shops, tmp_path):
    first, second = shops
    alone, summary = preprocessed(tmp_path / "alone", first, *SETTINGS)
    assert "fitted_with" not in summary
    data, _ = preprocessed(tmp_path / "data", {**first, "fit_with": (second["items"],)}, *SETTINGS)
    assert spec_of(alone, "brand").state["vocabulary"] == ["Acme", "Bolt"]
    assert spec_of(data, "brand").state["vocabulary"] == ["Acme", "Chairs", "Bolt", "Tables"]
    prices = [1.5, 2.5, 3.5, 10.5, 20.5, 30.5, 40.5]
    state = spec_of(data, "price").state
    used = np.log1p(prices) if state["log1p"] else np.array(prices)
    assert state["mean"] == pytest.approx(used.mean())
    words = [
        len(Tokenizer.from_file(str(one.path / "features" / "tokenizer.json")).encode("wooden").ids)
        for one in (alone, data)
    ]
    assert words[1] < words[0]
    assert data.n_items == 3
    assert data.items["id"].to_list() == ["a0", "a1", "a2"]


def test_other_shop_then_takes_the_features_and_both_train_together(shops, tmp_path):
    first, second = shops
    data, _ = preprocessed(tmp_path / "data", {**first, "fit_with": (second["items"],)}, *SETTINGS)
    other, _ = preprocessed(tmp_path / "other", {**second, "like": data.path}, *SETTINGS)
    vocabulary = spec_of(data, "brand").state["vocabulary"]
    assert [vocabulary[code - 1] for code in other.items["brand"]] == [
        "Chairs",
        "Chairs",
        "Tables",
        "Acme",
    ]
    assert open_domains([data.path, other.path]).n_items == 7


def test_summary_and_manifest_say_what_is_fitted_from_where(shops, tmp_path):
    first, second = shops
    report = SilentReporter()
    inputs = {**first, "fit_with": (second["items"],)}
    data, summary = preprocessed(tmp_path / "data", inputs, *SETTINGS, report=report)
    (found,) = summary["fitted_with"]
    assert found["path"] == str(second["items"])
    assert found["rows"] == 4
    assert found["columns"] == ["title", "price", "brand"]
    assert found["left_out"] == {
        "tags": "separated by `;` here, by `|` in the first table",
        "size": "no such column",
        "colour": "no feature of the first table",
    }
    (file,) = [file for file in data.manifest.inputs if file.role == "fitted with"]
    assert file.path == str(second["items"])
    assert file.sha256 == hashlib.sha256(second["items"].read_bytes()).hexdigest()


def test_columns_of_another_kind_or_type_are_left_out(shops, tmp_path):
    first, _ = shops
    items = {"title": SECOND, "price": ["cheap", "dear"] * 2, "brand": [1, 2] * 2}
    other = tmp_path / "items.parquet"
    pl.DataFrame({"item_id": [f"c{n}" for n in range(4)], **items}).write_parquet(other)
    inputs = {**first, "fit_with": (other,)}
    data, summary = preprocessed(tmp_path / "data", inputs, *SETTINGS)
    (found,) = summary["fitted_with"]
    assert found["columns"] == ["title"]
    assert found["left_out"]["price"] == "categorical here, numeric in the first table"
    assert found["left_out"]["brand"] == "Int64 here, String in the first table"
    assert spec_of(data, "brand").state["vocabulary"] == ["Acme", "Bolt"]


def test_short_texts_that_look_like_categories_are_fitted_with_texts(shops, tmp_path):
    first, _ = shops
    other = tmp_path / "other.csv"
    other.write_text("item_id,title\n" + "".join(f"c{n},stool\n" for n in range(9)))
    _, summary = preprocessed(tmp_path / "d", {**first, "fit_with": (other,)}, *SETTINGS)
    assert summary["fitted_with"][0]["columns"] == ["title"]


def test_media_have_nothing_to_fit(shops, tmp_path):
    paths = write_shop(tmp_path / "third")
    other = write_shop(tmp_path / "fourth")
    inputs = {**paths, "fit_with": (other["items"],)}
    _, summary = preprocessed(tmp_path / "data", inputs)
    (found,) = summary["fitted_with"]
    assert found["columns"] == ["title", "price", "brand", "tags", "emb"]
    assert found["left_out"] == {"picture": "nothing is fitted on the cells of kind image"}


def test_table_without_a_shared_column_is_a_warning(shops, tmp_path):
    first, _ = shops
    (tmp_path / "c.csv").write_text("item_id,weight\nc0,1.5\nc1,2.5\n")
    report = SilentReporter()
    preprocessed(tmp_path / "d", {**first, "fit_with": (tmp_path / "c.csv",)}, report=report)
    assert any("no column of" in w and "nothing is fitted on it" in w for w in report.warnings)


def test_tables_that_cannot_be_fitted_with_are_refused(shops, tmp_path):
    first, second = shops
    data, _ = preprocessed(tmp_path / "data", first, *SETTINGS)
    both = {**first, "fit_with": (second["items"],)}
    with pytest.raises(UsageError, match="`--like` takes fitted features"):
        preprocessed(tmp_path / "e", {**both, "like": data.path})
    with pytest.raises(UsageError, match="`--fit-with` needs the item table"):
        preprocessed(tmp_path / "e", {**both, "items": None})
