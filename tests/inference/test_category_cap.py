"""Category codes of items, and lists with at most n items of one category."""

import dataclasses
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.inference.category_cap import cap_categories, category_codes
from m6rec_cli.system.errors import M6RecError
from tests.inference.trained import shop

__all__ = ["shop"]


def with_items(run, items):
    """The run with another item table."""
    return dataclasses.replace(run, catalogue=dataclasses.replace(run.catalogue, items=items))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_cap_categories_equals_a_plain_loop(data):
    n, wide = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 12))
    k, most = data.draw(st.integers(1, wide)), data.draw(st.integers(1, 3))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    category = rng.integers(-1, 3, wide)
    items = np.stack([rng.permutation(wide) for _ in range(n)])
    scores = -np.sort(rng.random((n, wide)).astype(np.float32), axis=1)
    scores[:, wide - int(rng.integers(0, wide)) :] = -np.inf
    found_scores, found_items = cap_categories(scores, items, category, most, k)
    for row in range(n):
        expected, taken = [], {}
        for s, item in zip(scores[row], items[row], strict=True):
            code = category[item]
            if math.isinf(s) or (code >= 0 and taken.get(code, 0) == most):
                continue
            taken[code] = taken.get(code, 0) + 1
            expected.append((item, s))
        real = np.isfinite(found_scores[row])
        found = list(zip(found_items[row][real], found_scores[row][real], strict=True))
        assert found == expected[:k]


def test_category_codes_of_sets_and_categories(shop):
    run = shop.loaded
    items = run.catalogue.items.with_columns(
        pl.Series("tags", [[3, 1], [], None, [0], [0, 2], *[[7]] * 35], dtype=pl.List(pl.UInt32)),
        pl.when(pl.col("row") == 1).then(None).otherwise("style").alias("style"),
    )
    run = with_items(run, items)
    tags = category_codes(run, "tags").tolist()
    assert tags == [3, -1, -1, -1, 2, *[7] * 35], "code 0 stands for many rare values"
    assert category_codes(run, None).tolist() == category_codes(run, "style").tolist()
    assert category_codes(run, None)[1] == -1
    rare = with_items(run, items.with_columns(pl.lit(0, pl.UInt32).alias("style")))
    assert category_codes(rare, "style").tolist() == [-1] * 40


def test_category_codes_without_a_category_is_an_error(shop):
    run = with_items(shop.loaded, shop.loaded.catalogue.items.drop("style"))
    with pytest.raises(
        M6RecError, match=r"`recommend\.max_per_category` needs a categorical item feature"
    ) as caught:
        category_codes(run, None)
    assert (caught.value.what[-7:], caught.value.hint) == ("feature", "the items have none")
