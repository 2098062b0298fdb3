"""Preprocessing with the fitted features of an earlier data directory."""

from pathlib import Path

import polars as pl
import pytest

from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from tests.stages.shop import Shop, preprocessed, spec_of, write_shop


def test_run_like_reuses_the_fitted_features(shop: Shop, tmp_path: Path) -> None:
    data = shop.data
    other = write_shop(tmp_path / "other", seed=5)
    text = other["items"].read_text().splitlines()
    text.append("new,Something else,7.5,Nobody,red|unheard,pics/2.png,0.1 1.0 2.5")
    other["items"].write_text("\n".join(text))
    like, _ = preprocessed(tmp_path / "data", {**other, "like": data.path}, "data.image_size=16")
    assert like.specs == data.specs
    assert like.items["brand"].to_list()[-1] == 0
    assert like.items["tags"].to_list()[-1] == [
        spec_of(data, "tags").state["vocabulary"].index("red") + 1,
        0,
    ]
    assert like.feature(spec_of(data, "picture")).values.shape == (16, 8, 8, 3)
    assert like.items["price"].to_list()[:15] == data.items["price"].to_list()


def test_run_like_missing_column_warns_and_masks(shop: Shop, tmp_path: Path) -> None:
    paths, data = shop.paths, shop.data
    frame = pl.read_csv(paths["items"], infer_schema=False).drop("brand", "picture")
    frame.write_csv(tmp_path / "items.csv")
    report = SilentReporter()
    like, _ = preprocessed(
        tmp_path / "data",
        {**paths, "items": tmp_path / "items.csv", "users": None, "like": data.path},
        report=report,
    )
    assert like.items["brand"].null_count() == 15
    assert not like.feature(spec_of(data, "picture")).mask.any()
    assert not like.feature(spec_of(data, "age")).mask.any()
    assert sum("is missing in every row" in w for w in report.warnings) == 4


def test_run_like_unknown_event_kinds_are_counted(shop: Shop, tmp_path: Path) -> None:
    paths, data = shop.paths, shop.data
    text = paths["interactions"].read_text().replace("view", "wish")
    (tmp_path / "e.csv").write_text(text)
    like, _ = preprocessed(
        tmp_path / "data", {**paths, "interactions": tmp_path / "e.csv", "like": data.path}
    )
    assert like.manifest.event_kinds == ("buy", "view")
    assert not like.events.event.any()
    (rule,) = [r for r in like.manifest.cleaning if "unknown event kind" in r.rule]
    assert rule.changed == text.count("wish")


def test_run_like_another_directory_is_refused(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(M6RecError, match="`--like` names no data or run directory"):
        preprocessed(tmp_path / "data", {**shop.paths, "like": tmp_path})


def test_run_like_codes_written_as_floats_equal_those_written_as_integers(tmp_path: Path) -> None:
    """A column with missing cells was once written as `12.0`, and later as `12`."""
    events_file, items = tmp_path / "e.csv", tmp_path / "i.csv"
    events_file.write_text("user_id,item_id\n" + "".join(f"u{k % 4},i{k % 3}\n" for k in range(24)))
    items.write_text("item_id,category_id\ni0,12.0\ni1,7.0\ni2,12.0\ni3,\n")
    paths = {"interactions": events_file, "items": items}
    data, _ = preprocessed(tmp_path / "data", paths, "data.min_category_count=1")
    assert spec_of(data, "category_id").state["vocabulary"] == ["12", "7"]
    items.write_text("item_id,category_id\ni0,12\ni1,7\ni2,8\ni3,\n")
    again, _ = preprocessed(tmp_path / "again", {**paths, "like": tmp_path / "data"})
    assert again.items["category_id"].to_list() == [1, 2, 0, None]
