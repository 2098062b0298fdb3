"""Items that came after training, once there are events of them."""

import dataclasses

import numpy as np
import pytest

from m6rec_cli.data.store import Dataset
from tests.inference.known_events import known, pairs, with_ranking
from tests.inference.trained import shop

__all__ = ["shop"]

N_ITEMS = 40


def test_late_item_is_scored_by_its_neighbours_the_more_events_it_has(shop):
    late = {
        "late_neighbours": 0.5,
        "late_constant": 1.0,
        "late_popularity": -0.25,
        "late_gain": 3.0,
    }
    run = with_ranking(shop.loaded, **late)
    before = run.catalogue
    new, old = (int(np.flatnonzero(x)[0]) for x in (before.is_cold, before.events))
    found = known(run, pairs(old, new, 5), "cold_item_bonus=2.0")
    # A third of the way: 5 events, where 10 are half of it.
    assert found.newness[new] == pytest.approx(2 / 3)
    own = np.asarray(before.embeddings)
    events = np.where(before.id_rows >= 0, found.events, 0)
    mean = events / events.sum() @ own
    expected = 2 / 3 * own[new] + 1 / 3 * (mean + own[old]) / 2
    np.testing.assert_allclose(np.asarray(found.scored_embeddings)[new], expected, rtol=1e-4)
    bias = 2 / 3 * 2 + 1 / 3 * (1 - 0.25 * np.log(6))
    np.testing.assert_allclose(found.bias[new], bias, rtol=1e-5)
    assert found.gain_factors[new] == pytest.approx(2 / 3 + 1 / 3 * 3)
    # Histories are read as before, and other items are scored as before.
    assert found.embeddings is before.embeddings
    others = np.arange(N_ITEMS) != new
    np.testing.assert_array_equal(np.asarray(found.scored_embeddings)[others], own[others])
    np.testing.assert_array_equal(found.gain_factors[others], 1)
    np.testing.assert_array_equal(np.asarray(found.bias)[others], 2.0 * found.is_cold[others])


@pytest.mark.parametrize("ranking", ["fixed", "model"])
def test_late_item_has_no_weights_of_its_own_without_learned_weights(shop, ranking: str):
    new, old = (
        int(np.flatnonzero(x)[0])
        for x in (shop.loaded.catalogue.is_cold, shop.loaded.catalogue.events)
    )
    run = with_ranking(shop.loaded, late_gain=3.0)
    found = known(run, pairs(old, new, 5), f"ranking={ranking}")
    assert not found.lateness.any()
    assert found.newness[new] == 0


def test_items_of_another_shop_are_not_late(shop):
    catalogue = dataclasses.replace(
        with_ranking(shop.loaded, late_gain=3.0).catalogue, is_other_shop=True
    )
    run = dataclasses.replace(shop.loaded, catalogue=catalogue)
    assert not known(run, Dataset.open(shop.data).events).lateness.any()
