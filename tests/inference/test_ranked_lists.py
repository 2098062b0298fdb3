"""Ranked lists: noise by user, tiles that change nothing, and longer rankings for capped lists."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import polars as pl
import pytest

from m6rec_cli.config.resolve import resolve
from m6rec_cli.config.settings import RecommendConfig
from m6rec_cli.data.store import Dataset
from m6rec_cli.inference import ranked_lists
from m6rec_cli.inference.ranked_lists import ListMaker
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.ranking.weights import RankingWeights
from tests.devices import use_defaults
from tests.inference.test_scores import noisy_run
from tests.inference.trained import shop

__all__ = ["shop"]


@pytest.fixture(scope="module")
def noisy(shop):
    return noisy_run(shop.loaded)


def list_maker(run, histories, **config):
    allowed = np.ones(len(run.catalogue), bool)
    settings = RecommendConfig(**config)
    return ListMaker(config=settings, run=run, histories=histories, allowed=allowed)


def make_lists(run, data, rows=None, **config):
    """The lists of some users, or of all, as one frame."""
    histories = UserHistories.of_dataset(run, Dataset.open(data), "all")
    rows = np.arange(len(histories.ids)) if rows is None else rows
    frames = list_maker(run, histories, **config).frames(rows)
    return pl.concat([frame for _, frame in frames])


def are_close(a, b):
    """Whether two frames have the same lists, up to the last bits of the scores."""
    same = a.drop("score").equals(b.drop("score"))
    return same and np.allclose(a["score"], b["score"], atol=1e-4)


def test_frames_noise_of_a_user_does_not_depend_on_the_other_users(shop, noisy):
    whole = make_lists(noisy, shop.data, noise_draws=4)
    assert not are_close(whole, make_lists(noisy, shop.data, noise_draws=1))
    assert not are_close(whole, make_lists(noisy, shop.data, noise_draws=3))
    rows = np.array([50, 2, 61, 7])
    some = make_lists(noisy, shop.data, rows, noise_draws=4)
    ids = Dataset.open(shop.data).users["id"].gather(rows).to_list()
    assert some["user_id"].unique(maintain_order=True).to_list() == ids
    for user in ids:
        assert are_close(*(f.filter(pl.col("user_id") == user) for f in (some, whole)))


def test_frames_noise_differs_between_users_with_equal_contexts(shop, noisy):
    histories = UserHistories.of_dataset(noisy, Dataset.open(shop.data), "all")
    histories = histories.with_unknown_users(pl.Series("id", ["x", "y"]))
    lists = list_maker(noisy, histories, noise_draws=2)
    frame = pl.concat([f for _, f in lists.frames(np.array([65, 66]))])
    x, y = (frame.filter(pl.col("user_id") == u)["score"].to_list() for u in "xy")
    assert x != y


@pytest.mark.parametrize("noise_draws", [1, 3])
def test_frames_in_tiles_and_chunks_equal_the_whole(shop, noisy, monkeypatch, noise_draws):
    whole = make_lists(noisy, shop.data, noise_draws=noise_draws, k=7)
    use_defaults(monkeypatch, score_floats=40 * 8)
    monkeypatch.setattr(ranked_lists, "USERS_PER_CHUNK", 21)
    assert are_close(make_lists(noisy, shop.data, noise_draws=noise_draws, k=7), whole)


def test_frames_scores_are_log_probabilities_of_a_softmax(shop):
    frame = make_lists(shop.loaded, shop.data, k=40, seen="keep", noise_draws=2)
    sums = frame.group_by("user_id").agg(pl.col("score").exp().sum())["score"]
    np.testing.assert_allclose(sums, 1, rtol=1e-4)


def test_frames_with_approximate_top_k_are_exact_without_a_tpu(shop):
    exact = make_lists(shop.loaded, shop.data)
    assert make_lists(shop.loaded, shop.data, top_k_recall=0.9).equals(exact)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordingListMaker(ListMaker):
    """Records the users of each tile, padding included, and the length of their rankings."""

    tiles: list[tuple[int, int]] = dataclasses.field(default_factory=list)

    def rank_tile(self, contexts, rows, users, hidden, k):
        self.tiles.append((len(rows), k))
        return super().rank_tile(contexts, rows, users, hidden, k)


@pytest.fixture
def maker_of_logits(monkeypatch):
    """Makes lists of given logits f32 (users, items).

    A user's context is a unit vector, and an item's embedding holds its logit for each user.
    """
    monkeypatch.setattr(ranked_lists, "candidates", lambda _, h: h)
    monkeypatch.setattr(
        ranked_lists,
        "catalogue_scores",
        lambda run, config, h, users, ids: jax.nn.log_softmax(
            h @ run.catalogue.scored_embeddings.T
        ),
    )

    def maker(logits, hidden, allowed, category, **config):
        n_users, n_items = logits.shape
        catalogue: Any = type("Items", (), {"__len__": lambda self: n_items})()
        catalogue.scored_embeddings = jax.device_put(logits.T)
        catalogue.bias = jax.device_put(np.zeros(n_items, np.float32))
        catalogue.ranking = RankingWeights(model=1.0)
        catalogue.domain = None
        catalogue.evidence = SimpleNamespace(popularity=np.zeros(n_items, np.float32))
        run: Any = SimpleNamespace(
            catalogue=catalogue,
            model=None,
            config=resolve(),
            schema=SimpleNamespace(users_are_items=False),
        )
        histories: Any = SimpleNamespace(
            run=run,
            ids=pl.Series(map(str, range(n_users))),
            contexts=lambda rows: (np.eye(n_users, dtype=np.float32)[rows], None),
            n_events=lambda rows: np.zeros(len(rows), np.int64),
            seen=lambda rows: np.nonzero(hidden[rows]),
        )
        return RecordingListMaker(
            config=RecommendConfig(**config),
            run=run,
            histories=histories,
            allowed=allowed,
            category=category,
        )

    return maker


def few_categories():
    """Logits, hidden items, allowed items and categories of a catalogue with one huge category.

    The best 1750 items of user 2 and the best 300 of user 5 are of category 0; those of the other
    users are of many.
    """
    rng, n = np.random.default_rng(0), 2000
    category = np.where(np.arange(n) < 1750, 0, np.arange(n) % 50 + 1)
    order = np.stack([rng.permutation(n) for _ in range(7)])
    order[2] = np.arange(n)
    order[5] = np.append(np.arange(300), 300 + rng.permutation(n - 300))
    # The first item of an order has the highest logit.
    logits = -np.argsort(order, axis=1).astype(np.float32) / 100
    return logits, rng.random((7, n)) < 0.02, rng.random(n) < 0.98, category


@pytest.mark.parametrize("noise_draws", [1, 2])
def test_best_extends_the_rankings_of_short_lists_only(maker_of_logits, noise_draws):
    logits, hidden, allowed, category = few_categories()
    settings = {"k": 6, "max_per_category": 1, "noise_draws": noise_draws}
    maker = maker_of_logits(logits, hidden, allowed, category, **settings)
    rows = np.array([6, 5, 4, 3, 2, 1, 0])
    found, items = maker.best(rows)
    assert maker.tiles == [(4, 200), (4, 200), (2, 1600), (1, 2000)]
    for place, user in enumerate(rows):
        exact = logits[user].astype(np.float64)
        expected: list[int] = []
        for item in np.argsort(-exact):
            is_new = category[item] not in category[expected]
            if allowed[item] and not hidden[user, item] and is_new and len(expected) < 6:
                expected.append(int(item))
        assert items[place].tolist() == expected
        log_probs = exact[expected] - np.log(np.exp(exact).sum())
        np.testing.assert_allclose(found[place], log_probs, atol=1e-4)


@pytest.mark.parametrize("noise_draws", [1, 2])
def test_best_uses_smaller_tiles_for_longer_rankings(maker_of_logits, monkeypatch, noise_draws):
    settings = {"k": 6, "max_per_category": 1, "noise_draws": noise_draws}
    maker = maker_of_logits(*few_categories(), **settings)
    whole = maker.best(np.arange(7))
    maker.tiles.clear()
    monkeypatch.setattr(ranked_lists, "RANKED_PER_TILE", 4 * 200)
    bounded = maker.best(np.arange(7))
    assert maker.tiles == [(4, 200), (4, 200), (1, 1600), (1, 1600), (1, 2000)]
    np.testing.assert_array_equal(bounded[1], whole[1])
    np.testing.assert_allclose(bounded[0], whole[0], atol=1e-4)


def test_tile_size_shrinks_with_the_length_of_the_ranking(maker_of_logits):
    n = 10**6
    maker = maker_of_logits(np.zeros((1, n), np.float32), None, None, None)
    sizes = {wide: maker.tile_size(wide, 2048) for wide in (200, 12_800, 102_400, 819_200, n)}
    assert sizes == {200: 1024, 12_800: 256, 102_400: 32, 819_200: 4, n: 4}


def test_best_does_not_extend_a_list_that_the_cap_leaves_short(maker_of_logits):
    """With two categories and one item of each, no ranking has a third item."""
    n = 1000
    logits, hidden = -np.arange(n, dtype=np.float32)[None], np.zeros((1, n), bool)
    category = np.arange(n) % 2
    maker = maker_of_logits(logits, hidden, ~hidden[0], category, k=5, max_per_category=1)
    found, items = maker.best(np.array([0]))
    assert maker.tiles == [(1, 200)]
    assert items[0, np.isfinite(found[0])].tolist() == [0, 1]


def test_best_extends_to_the_whole_catalogue_if_hidden_items_leave_a_list_short(maker_of_logits):
    """All items of the third category are hidden from this user."""
    n = 1000
    category = np.arange(n) % 3
    logits, hidden = -np.arange(n, dtype=np.float32)[None], category[None] == 2
    allowed = np.ones(n, bool)
    maker = maker_of_logits(logits, hidden, allowed, category, k=3, max_per_category=1)
    found, items = maker.best(np.array([0]))
    assert maker.tiles == [(1, 200), (1, 1000)]
    assert items[0, np.isfinite(found[0])].tolist() == [0, 1]
