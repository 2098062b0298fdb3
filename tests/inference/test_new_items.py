"""New items of a raw table: their content neighbours, and their place in lists."""

import dataclasses

import numpy as np
import polars as pl
import pytest

from m6rec_cli.config import resolve as configuration
from m6rec_cli.inference import new_items, other_catalogue
from m6rec_cli.inference.request import RecommendRequest, UserSource
from m6rec_cli.stages import recommend
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from tests.inference.test_other_catalogue import other
from tests.inference.trained import shop, write

__all__ = ["other", "shop"]


def test_with_new_items_compares_them_with_the_items_of_another_catalogue(shop, other, tmp_path):
    run = other_catalogue.with_catalogue(shop.loaded, other, [], SilentReporter())
    old = run.catalogue
    items = write(
        tmp_path, "new.csv", "item_id,title,style,price", [[950, "Red thing 950", "red", 7]]
    )
    new = new_items.with_new_items(run, items, None, SilentReporter()).catalogue
    n = len(old)
    assert len(new) == n + 1
    graph = new.content_similarity.toarray()
    np.testing.assert_array_equal(graph[:n, :n], old.content_similarity.toarray())
    column, style = graph[:n, n], new.items["style"].to_numpy()
    assert column.sum() == pytest.approx(1)
    assert not column[style[:n] != style[n]].any()


def test_with_new_items_compares_them_with_the_items_of_the_run(shop, other):
    items = other.path.parent / "items.csv"
    old = shop.loaded.catalogue
    new = new_items.with_new_items(shop.loaded, items, None, SilentReporter()).catalogue
    n, graph = len(old), new.content_similarity.toarray()
    np.testing.assert_array_equal(graph[:n, :n], old.content_similarity.toarray())
    assert not graph[n:].any()
    style = old.items["style"].to_numpy()
    for column, code in zip(graph[:, n:].T, new.items["style"].to_numpy()[n:], strict=True):
        assert column.sum() == pytest.approx(1 if code else 0)
        assert not column[:n][style != code].any()


def test_with_new_items_without_a_content_model_is_an_error(shop):
    spec = dataclasses.replace(shop.loaded.spec, item_specs=())
    run = dataclasses.replace(shop.loaded, spec=spec)
    with pytest.raises(
        M6RecError, match="the model reads no item features, so it cannot score new items"
    ):
        new_items.with_new_items(run, shop.items, None, SilentReporter())


def test_recommend_with_a_cold_item_bonus_lists_new_items_first(shop, other, tmp_path):
    lists, items = {}, shop.loaded.catalogue.items
    cold = [900, 901, *items.filter(pl.col("popularity") == 0)["id"].cast(pl.Int64)]
    for bonus in (-50, 50):
        config = configuration.resolve(sets=[f"recommend.cold_item_bonus={bonus}", "recommend.k=2"])
        request = RecommendRequest(
            run=shop.run,
            users=UserSource(interactions=shop.events),
            items=other.path.parent / "items.csv",
        )
        recommend.run(config, request, str(tmp_path / f"{bonus}.csv"), SilentReporter())
        lists[bonus] = pl.read_csv(tmp_path / f"{bonus}.csv")["item_id"].is_in(cold)
    assert lists[50].all()
    assert not lists[-50].any()
