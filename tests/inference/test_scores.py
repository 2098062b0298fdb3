"""Scores of a tile of users: noise draws, the discriminator, and the best items."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from scipy import sparse

from m6rec_cli.inference import scores
from m6rec_cli.inference.ranking_terms import UserTermsTable, item_terms
from m6rec_cli.system import device_defaults
from tests.inference.trained import shop

__all__ = ["shop"]


def noisy_run(run):
    """The run with a generator that depends on its noise."""
    model = nnx.clone(run.model)
    for i, (_, variable) in enumerate(nnx.iter_graph(model.generator)):
        if isinstance(variable, nnx.Param):
            variable.set_value(0.3 * jax.random.normal(jax.random.key(i), variable.shape))
    return dataclasses.replace(run, model=model)


def random_terms(run, n_users, seed=3):
    """Random terms of users, and what they make of logits (users, items)."""
    n_items = len(run.catalogue)
    rng = np.random.default_rng(seed)
    matrix = rng.random((n_users, n_items)) * (rng.random((n_users, n_items)) < 0.2)
    matrix = matrix.astype(np.float32)
    model, popularity = rng.random((2, n_users)).astype(np.float32)
    users = UserTermsTable(model, popularity, sparse.csr_array(matrix)).tile(np.arange(n_users))
    added = popularity[:, None] * run.catalogue.evidence.popularity[None] + matrix
    return users, lambda logits: model[:, None] * logits + added


def test_log_probabilities_are_the_log_of_the_mean_over_draws(shop):
    run, n = noisy_run(shop.loaded), 3
    users, scores_of = random_terms(run, n)
    h = jax.random.normal(jax.random.key(5), (n, 16))
    keys = scores.user_keys(7, ["a", "b", "c"])
    found = scores.log_probabilities(
        run.model, h, item_terms(run), users, keys, noise_draws=2, discriminator_weight=0.0
    )
    mean = 0
    for s in range(2):
        z = jnp.stack(
            [jax.random.normal(jax.random.fold_in(key, s), (run.model.noise,)) for key in keys]
        )
        logits = run.model.candidates(h, z) @ run.catalogue.embeddings.T
        mean = mean + jax.nn.softmax(scores_of(logits)) / 2
    np.testing.assert_allclose(jnp.exp(found), mean, rtol=1e-4)


def test_log_probabilities_add_the_discriminator_to_the_best_items(shop, monkeypatch):
    run = shop.loaded
    embeddings = run.catalogue.embeddings
    h, keys = jax.random.normal(jax.random.key(5), (2, 16)), scores.user_keys(0, "ab")
    users, _ = random_terms(run, 2)
    monkeypatch.setattr(scores, "DISCRIMINATED_ITEMS", 5)

    def score(weight):
        # A weight that no other test uses compiles anew, with the bound set here.
        return np.asarray(
            scores.log_probabilities(
                run.model,
                h,
                item_terms(run),
                users,
                keys,
                noise_draws=1,
                discriminator_weight=weight,
            )
        )

    plain, discriminated = score(0.0), score(0.37)
    for user in range(2):
        best = np.argsort(-plain[user])[:5]
        e = embeddings[best]
        e = e / jnp.sqrt((e**2).mean(axis=1, keepdims=True) + 1e-8)
        contexts = jnp.repeat(h[user : user + 1], 5, axis=0)
        log_real = np.asarray(jax.nn.log_sigmoid(run.model.discriminator(contexts, e)))
        expected = plain[user] + 0.37 * log_real.min()
        expected[best] = plain[user, best] + 0.37 * log_real
        np.testing.assert_allclose(discriminated[user], expected, atol=1e-4)


def test_user_keys_depend_on_seed_and_id_alone():
    def data(seed, ids):
        return jax.random.key_data(scores.user_keys(seed, ids)).tolist()

    assert data(0, ["a", "b"]) == data(0, ["b", "a"])[::-1]
    assert data(0, ["a"]) != data(1, ["a"])
    assert data(0, ["ä"]) != data(0, ["a"])


def test_best_items_leave_out_hidden_and_forbidden_items():
    matrix = jnp.array([[5.0, 4, 3, 2], [1.0, 2, 3, 4]])
    owner, hidden = jnp.array([0, 0, 2]), jnp.array([0, 2, 3])  # row 2 is padding
    allowed = jnp.array([True, True, True, False])
    best, items = scores.best_items(matrix, owner, hidden, allowed, k=3)
    assert items[0, 0] == 1
    assert np.isinf(best[0, 1:]).all()
    assert items[1].tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    ("items", "users", "size"),
    [(600, 2048, 2048), (10**6, 2048, 16), (10**9, 5, 1), (600, 3, 2), (0, 1, 1)],
)
def test_users_per_tile_is_bounded(items, users, size):
    assert scores.users_per_tile(items, users) == size
    assert size * items <= device_defaults.current().score_floats or size == 1
