"""Scores and lists: filters by hand, caps, draws that belong to a user, tiles that change nothing."""

import dataclasses
import math
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from m6rec_cli.config.resolve import resolve
from m6rec_cli.config.settings import RecommendConfig
from m6rec_cli.data.store import Dataset
from m6rec_cli.inference import graph_boost, model_scorer, other_catalogue, ranked_lists, scores
from m6rec_cli.inference.model_scorer import ModelScorer, load_scorer
from m6rec_cli.inference.ranked_lists import ListMaker, capped, category_codes
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from tests.inference.trained import shop

__all__ = ["shop"]


@pytest.fixture(scope="module")
def noisy(shop):
    """The run with a generator that listens to its noise."""
    run = shop.loaded
    model = nnx.clone(run.model)
    for i, (_, variable) in enumerate(nnx.iter_graph(model.generator)):
        if isinstance(variable, nnx.Param):
            variable.set_value(0.3 * jax.random.normal(jax.random.key(i), variable.shape))
    return dataclasses.replace(run, model=model)


def make(run, data, rows=None, *, allowed=None, **config):
    audience = UserHistories.of_dataset(run, Dataset.open(data), "all")
    allowed = np.ones(len(run.items), bool) if allowed is None else allowed
    maker = ListMaker(RecommendConfig(**config), run, audience, allowed)
    rows = np.arange(len(audience.ids)) if rows is None else rows
    return pl.concat([frame for _, frame in maker.frames(rows)])


def close(a, b):
    return a.drop("score").equals(b.drop("score")) and np.allclose(
        a["score"], b["score"], atol=1e-4
    )


def test_frames_draws_belong_to_the_user_whatever_the_company(shop, noisy):
    whole = make(noisy, shop.data, noise_draws=4)
    assert not close(whole, make(noisy, shop.data, noise_draws=1))
    assert not close(whole, make(noisy, shop.data, noise_draws=3))
    asked = np.array([50, 2, 61, 7])
    some = make(noisy, shop.data, asked, noise_draws=4)
    audience = UserHistories.of_dataset(noisy, Dataset.open(shop.data), "all")
    assert (
        some["user_id"].unique(maintain_order=True).to_list()
        == audience.ids.gather(asked).to_list()
    )
    for user in some["user_id"].unique():
        assert close(*(f.filter(pl.col("user_id") == user) for f in (some, whole)))


def test_frames_draws_differ_between_users_of_one_context(shop, noisy):
    audience = UserHistories.of_dataset(noisy, Dataset.open(shop.data), "all")
    more = audience.with_strangers(pl.Series("id", ["x", "y"]))
    maker = ListMaker(RecommendConfig(noise_draws=2), noisy, more, np.ones(40, bool))
    frame = pl.concat([f for _, f in maker.frames(np.array([65, 66]))])
    x, y = (frame.filter(pl.col("user_id") == u)["score"].to_list() for u in "xy")
    assert x != y


@pytest.mark.parametrize("draws", [1, 3])
def test_frames_tiles_and_chunks_change_nothing(shop, noisy, monkeypatch, draws):
    whole = make(noisy, shop.data, noise_draws=draws, k=7)
    monkeypatch.setattr(scores, "TILE_FLOATS", 40 * 8)
    monkeypatch.setattr(ranked_lists, "_USERS_AT_ONCE", 21)
    assert close(make(noisy, shop.data, noise_draws=draws, k=7), whole)


def test_frames_scores_are_log_probabilities_of_a_softmax(shop):
    frame = make(shop.loaded, shop.data, k=40, seen="keep", noise_draws=2)
    sums = frame.group_by("user_id").agg(pl.col("score").exp().sum())["score"]
    np.testing.assert_allclose(sums, 1, rtol=1e-4)


def raised(n_users, n_items, seed=3):
    """Random bonuses as the device has them, and as a matrix."""
    rng = np.random.default_rng(seed)
    matrix = (rng.random((n_users, n_items)) * (rng.random((n_users, n_items)) < 0.2)).astype(
        np.float32
    )
    return graph_boost.tile(sparse.csr_array(matrix), n_items, np.arange(n_users)), matrix


def test_log_probabilities_average_the_draws(noisy):
    """log of the mean over draws, each computed here by itself."""
    run, n = noisy, 3
    bonus, matrix = raised(n, len(run.items))
    h = jax.random.normal(jax.random.key(5), (n, 16))
    keys = scores.user_keys(7, ["a", "b", "c"])
    got = scores.log_probabilities(
        run.model, h, run.embeddings, run.bias, bonus, keys, draws=2, judge_weight=0.0
    )
    mean = 0
    for s in range(2):
        z = jnp.stack(
            [jax.random.normal(jax.random.fold_in(key, s), (run.model.noise,)) for key in keys]
        )
        logits = run.model.candidates(h, z) @ run.embeddings.T + run.bias[None] + matrix
        mean = mean + jax.nn.softmax(logits) / 2
    np.testing.assert_allclose(jnp.exp(got), mean, rtol=1e-4)


def test_log_probabilities_judge_adds_its_verdict_to_the_best(shop, monkeypatch):
    run = shop.loaded
    h, keys = jax.random.normal(jax.random.key(5), (2, 16)), scores.user_keys(0, "ab")
    bonus, _ = raised(2, len(run.items))
    monkeypatch.setattr(scores, "_JUDGED", 5)

    def ask(weight):
        # A weight that no other test uses is compiled anew, and so sees this `_JUDGED`.
        return np.asarray(
            scores.log_probabilities(
                run.model, h, run.embeddings, run.bias, bonus, keys, draws=1, judge_weight=weight
            )
        )

    plain, judged = ask(0.0), ask(0.37)
    for user in range(2):
        best = np.argsort(-plain[user])[:5]
        e = run.embeddings[best]
        e = e / jnp.sqrt((e**2).mean(axis=1, keepdims=True) + 1e-8)
        verdict = np.asarray(
            jax.nn.log_sigmoid(
                run.model.discriminator(jnp.repeat(h[user : user + 1], 5, axis=0), e)
            )
        )
        expected = plain[user] + 0.37 * verdict.min()
        expected[best] = plain[user, best] + 0.37 * verdict
        np.testing.assert_allclose(judged[user], expected, atol=1e-4)


def test_user_keys_come_from_seed_and_id_alone():
    def data(seed, ids):
        return jax.random.key_data(scores.user_keys(seed, ids)).tolist()

    assert data(0, ["a", "b"]) == data(0, ["b", "a"])[::-1]
    assert data(0, ["a"]) != data(1, ["a"])
    assert data(0, ["ä"]) != data(0, ["a"])


def test_best_items_hide_and_allow_by_hand():
    matrix = jnp.array([[5.0, 4, 3, 2], [1.0, 2, 3, 4]])
    owner, hidden = jnp.array([0, 0, 2]), jnp.array([0, 2, 3])  # row 2 is padding
    best, items = scores.best_items(
        matrix, owner, hidden, jnp.array([True, True, True, False]), k=3
    )
    assert items[0, 0] == 1
    assert np.isinf(best[0, 1:]).all()
    assert items[1].tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    ("items", "users", "size"),
    [(600, 2048, 2048), (10**6, 2048, 16), (10**9, 5, 1), (600, 3, 2), (0, 1, 1)],
)
def test_users_per_tile_is_bounded(items, users, size):
    assert scores.users_per_tile(items, users) == size
    assert size * items <= scores.TILE_FLOATS or size == 1


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_capped_equals_a_plain_loop(data):
    n, wide = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 12))
    k, most = data.draw(st.integers(1, wide)), data.draw(st.integers(1, 3))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    category = rng.integers(-1, 3, wide)
    items = np.stack([rng.permutation(wide) for _ in range(n)])
    scores = -np.sort(rng.random((n, wide)).astype(np.float32), axis=1)
    scores[:, wide - int(rng.integers(0, wide)) :] = -np.inf
    got_scores, got_items = capped(scores, items, category, most, k)
    for row in range(n):
        expected, taken = [], {}
        for s, item in zip(scores[row], items[row], strict=True):
            code = category[item]
            if math.isinf(s) or (code >= 0 and taken.get(code, 0) == most):
                continue
            taken[code] = taken.get(code, 0) + 1
            expected.append((item, s))
        real = np.isfinite(got_scores[row])
        assert list(zip(got_items[row][real], got_scores[row][real], strict=True)) == expected[:k]


@dataclasses.dataclass(frozen=True)
class Watched(ListMaker):
    """Lists that keep how many users were ranked at once, padding included, and how many items each was given."""

    asked: list[tuple[int, int]] = dataclasses.field(default_factory=list)

    def _ranked(self, contexts, rows, close, hidden, k):
        self.asked.append((len(rows), k))
        return super()._ranked(contexts, rows, close, hidden, k)


@pytest.fixture
def plain(monkeypatch):
    """Makes lists of given logits f32 (users, i): a user is a unit vector, and an item's embedding what it scores."""
    monkeypatch.setattr(ranked_lists, "candidates", lambda _, h: h)
    monkeypatch.setattr(
        ranked_lists,
        "log_probabilities",
        lambda _, h, e, bias, *__, **___: jax.nn.log_softmax(h @ e.T + bias[None]),
    )

    def maker(logits, hidden, allowed, category, **config):
        n_users, n_items = logits.shape
        run: Any = SimpleNamespace(
            items=range(n_items),
            embeddings=jax.device_put(logits.T),
            model=None,
            config=resolve(),
            neighbours=None,
            bias=jax.device_put(np.zeros(n_items, np.float32)),
            schema=SimpleNamespace(users_are_items=False),
        )
        audience: Any = SimpleNamespace(
            run=run,
            ids=pl.Series(map(str, range(n_users))),
            contexts=lambda rows: (np.eye(n_users, dtype=np.float32)[rows], None),
            seen=lambda rows: np.nonzero(hidden[rows]),
        )
        return Watched(
            RecommendConfig(cooccurrence_weight=0, **config), run, audience, allowed, category
        )

    return maker


def few_categories():
    """Logits, hidden and allowed items and categories, for a catalogue of which few items are of any category but 0.

    The best 1750 items of user 2 are of category 0, and the best 300 of user 5; those of the others are of many.
    """
    rng, n = np.random.default_rng(0), 2000
    category = np.where(np.arange(n) < 1750, 0, np.arange(n) % 50 + 1)
    order = np.stack([rng.permutation(n) for _ in range(7)])
    order[2] = np.arange(n)
    order[5] = np.append(np.arange(300), 300 + rng.permutation(n - 300))
    # The first of an order has the highest logit.
    logits = -np.argsort(order, axis=1).astype(np.float32) / 100
    return logits, rng.random((7, n)) < 0.02, rng.random(n) < 0.98, category


@pytest.mark.parametrize("draws", [1, 2])
def test_top_widens_for_the_short_alone_and_equals_a_plain_loop(plain, draws):
    logits, hidden, allowed, category = few_categories()
    maker = plain(logits, hidden, allowed, category, k=6, max_per_category=1, noise_draws=draws)
    rows = np.array([6, 5, 4, 3, 2, 1, 0])
    got, items = maker._top(rows)
    assert maker.asked == [(4, 200), (4, 200), (2, 1600), (1, 2000)]
    for place, user in enumerate(rows):
        exact = logits[user].astype(np.float64)
        expected: list[int] = []
        for item in np.argsort(-exact):
            alike = category[item] in category[expected]
            if allowed[item] and not hidden[user, item] and not alike and len(expected) < 6:
                expected.append(int(item))
        assert items[place].tolist() == expected
        np.testing.assert_allclose(
            got[place], exact[expected] - np.log(np.exp(exact).sum()), atol=1e-4
        )


@pytest.mark.parametrize("draws", [1, 2])
def test_top_ranks_fewer_users_at_once_the_more_items_each_is_given(plain, monkeypatch, draws):
    maker = plain(*few_categories(), k=6, max_per_category=1, noise_draws=draws)
    whole = maker._top(np.arange(7))
    maker.asked.clear()
    monkeypatch.setattr(ranked_lists, "_RANKED", 4 * 200)
    bounded = maker._top(np.arange(7))
    assert maker.asked == [(4, 200), (4, 200), (1, 1600), (1, 1600), (1, 2000)]
    np.testing.assert_array_equal(bounded[1], whole[1])
    np.testing.assert_allclose(bounded[0], whole[0], atol=1e-4)


def test_users_per_tile_are_fewer_the_more_items_each_is_given(plain):
    n = 10**6
    maker = plain(np.zeros((1, n), np.float32), None, None, None)
    sizes = {wide: maker._users_per_tile(wide, 2048) for wide in (200, 12_800, 102_400, 819_200, n)}
    assert sizes == {200: 1024, 12_800: 256, 102_400: 32, 819_200: 4, n: 4}


def test_top_does_not_widen_for_lists_that_the_cap_leaves_short(plain):
    """Two categories, one item of each: no reading of the whole catalogue finds a third."""
    n = 1000
    scores, none, category = (
        -np.arange(n, dtype=np.float32)[None],
        np.zeros((1, n), bool),
        np.arange(n) % 2,
    )
    maker = plain(scores, none, ~none[0], category, k=5, max_per_category=1)
    best, items = maker._top(np.array([0]))
    assert maker.asked == [(1, 200)]
    assert items[0, np.isfinite(best[0])].tolist() == [0, 1]


def test_top_ends_with_the_catalogue_for_a_list_that_what_is_hidden_leaves_short(plain):
    """Of the third category, all items are hidden from this user alone."""
    n = 1000
    category = np.arange(n) % 3
    scores, hidden = -np.arange(n, dtype=np.float32)[None], category[None] == 2
    maker = plain(scores, hidden, np.ones(n, bool), category, k=3, max_per_category=1)
    best, items = maker._top(np.array([0]))
    assert maker.asked == [(1, 200), (1, 1000)]
    assert items[0, np.isfinite(best[0])].tolist() == [0, 1]


def test_category_codes_by_kind(shop):
    run = shop.loaded
    items = run.items.with_columns(
        pl.Series("tags", [[3, 1], [], None, [0], [0, 2], *[[7]] * 35], dtype=pl.List(pl.UInt32)),
        pl.when(pl.col("row") == 1).then(None).otherwise("style").alias("style"),
    )
    run = dataclasses.replace(run, items=items)
    assert category_codes(run, "tags").tolist() == [3, -1, -1, -1, 2, *[7] * 35], (
        "0 is many rare ones"
    )
    assert category_codes(run, None).tolist() == category_codes(run, "style").tolist()
    assert category_codes(run, None)[1] == -1
    rare = dataclasses.replace(run, items=items.with_columns(pl.lit(0, pl.UInt32).alias("style")))
    assert category_codes(rare, "style").tolist() == [-1] * 40


def test_category_codes_without_categories(shop):
    run = dataclasses.replace(shop.loaded, items=shop.loaded.items.drop("style"))
    with pytest.raises(
        M6RecError, match=r"`recommend\.max_per_category` needs a categorical item feature"
    ) as caught:
        category_codes(run, None)
    assert (caught.value.what[-7:], caught.value.hint) == ("feature", "the items have none")


def test_scorer_and_lists_agree(shop, noisy):
    config = resolve(sets=["recommend.noise_draws=3", "train.seed=99"])
    data = Dataset.open(shop.data)
    audience = UserHistories.of_dataset(noisy, data, "all")
    rows = np.array([3, 60, 12])
    scores = ModelScorer(noisy, audience, config).score(rows)
    frame = make(noisy, shop.data, rows, noise_draws=3, seen="keep", k=40)
    for place, row in enumerate(rows):
        mine = frame.filter(pl.col("user_id") == audience.ids[int(row)])
        at = [int(i) - 100 for i in mine["item_id"]]
        np.testing.assert_allclose(scores[place][at], mine["score"], atol=1e-4)


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
def test_scorer_by_logits_orders_as_the_lists_do(shop, monkeypatch, backend):
    """On a CPU numpy multiplies, elsewhere the device does."""
    monkeypatch.setattr(model_scorer.jax, "default_backend", lambda: backend)
    config = resolve(sets=["recommend.cold_item_bonus=0.7"])
    new = np.isin(shop.loaded.items["id"].to_numpy(), ["109", "119"])
    run = dataclasses.replace(shop.loaded, id_rows=np.where(new, -1, shop.loaded.id_rows))
    run = other_catalogue.with_graphs(run, config.recommend)
    audience = UserHistories.of_dataset(run, Dataset.open(shop.data), "all")
    rows = np.array([3, 60, 12])
    scores = ModelScorer(run, audience, config).score(rows)
    assert scores.dtype == np.float32
    assert scores.flags.writeable
    whole = dataclasses.replace(config.recommend, k=40, seen="keep")
    ((_, frame),) = ListMaker(whole, run, audience, np.ones(40, bool)).frames(rows)
    for place, row in enumerate(rows):
        mine = frame.filter(pl.col("user_id") == audience.ids[int(row)])
        at = [int(i) - 100 for i in mine["item_id"]]
        # Log-probabilities are logits but for a constant of each user.
        difference = scores[place][at] - mine["score"].to_numpy()
        np.testing.assert_allclose(difference, difference[0], atol=1e-4)


def test_load_scorer_warns_of_other_data_and_knows_its_own(shop):
    report = SilentReporter()
    scorer = load_scorer(shop.run, Dataset.open(shop.data), "test", resolve(), report)
    assert report.warnings == []
    assert scorer.score(np.array([0, 5])).shape == (2, 40)
    data = Dataset.open(shop.data)
    other = dataclasses.replace(data, manifest={**data.manifest, "fingerprint": "x"})
    load_scorer(shop.run, other, "test", resolve(), report)
    assert "the run was trained on other data than it is judged on" in report.warnings[0]


def test_scorer_that_reads_histories_ahead_scores_as_one_that_does_not(shop, monkeypatch):
    audience = UserHistories.of_dataset(shop.loaded, Dataset.open(shop.data), "all")
    users = np.sort(np.random.default_rng(0).choice(len(audience.ids), 30, replace=False))
    monkeypatch.setattr(model_scorer, "_AHEAD", 7)
    ahead = ModelScorer(shop.loaded, audience, resolve(), users)
    plain = ModelScorer(shop.loaded, audience, resolve())
    for start in (0, 4, 8, 16, 24, 2):  # over the edges of what was read, and back
        rows = users[start : start + 6]
        np.testing.assert_allclose(ahead.score(rows), plain.score(rows), atol=1e-5)


def test_frames_with_an_approximate_selection_are_exact_where_no_tpu_is(shop):
    assert make(shop.loaded, shop.data, top_k_recall=0.9).equals(make(shop.loaded, shop.data))
