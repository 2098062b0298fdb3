"""One pass over the catalogue gives the same best items as a full matrix of scores."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from m6rec_cli.inference import blocked_top_k, scores
from m6rec_cli.inference.ranking_terms import ItemTerms, UserTermsTable
from tests.devices import use_defaults


def random_problem(n_users, n_items, n_hidden, seed=0, width=6):
    """Candidates, item terms and hidden pairs; some pairs are padding."""
    rng = np.random.default_rng(seed)
    h = jnp.asarray(rng.normal(size=(n_users, width)), jnp.float32)
    items = jnp.asarray(rng.normal(size=(n_items, width)), jnp.float32)
    bias, popularity = jnp.asarray(rng.normal(size=(2, n_items)), jnp.float32)
    owner = np.sort(rng.integers(0, n_users + 1, n_hidden)).astype(np.int32)
    hidden = rng.integers(0, n_items, n_hidden).astype(np.int32)
    terms = ItemTerms(items, bias, popularity)
    return h, terms, jnp.asarray(owner), jnp.asarray(hidden)


def best_by_matrix(h, items, users, owner, hidden, allowed, k):
    log_probs = jax.nn.log_softmax(users.scores(h, items), axis=-1)
    return scores.best_items(log_probs, owner, hidden, allowed, k=k)


def no_boost(n_users, n_items):
    """Users whose scores are the logits of the model."""
    boosts = sparse.csr_array((n_users, n_items), dtype=np.float32)
    one = np.ones(n_users, np.float32)
    return UserTermsTable(one, 0 * one, boosts).tile(np.arange(n_users))


def random_users(n_users, n_items, owner, hidden, share=0.1, seed=2, largest=3.0):
    rng = np.random.default_rng(seed)
    matrix = largest * rng.random((n_users, n_items)) * (rng.random((n_users, n_items)) < share)
    pairs = np.unique(np.stack([np.asarray(owner), np.asarray(hidden)]).astype(np.int64), axis=1)
    table = UserTermsTable(
        rng.random(n_users).astype(np.float32),
        rng.normal(size=n_users).astype(np.float32),
        sparse.csr_array(matrix.astype(np.float32)),
    )
    return table.tile(np.arange(n_users), tuple(pairs[:, pairs[0] < n_users]))


@pytest.mark.parametrize("share", [0, 0.1, 1])
@pytest.mark.parametrize(
    ("n_items", "k"), [(1, 1), (7, 7), (1023, 10), (1024, 1), (1025, 70), (2500, 10)]
)
def test_best_of_catalogue_equals_the_matrix(n_items, k, share):
    h, items, owner, hidden = random_problem(16, n_items, 40)
    allowed = jnp.asarray(np.random.default_rng(1).random(n_items) < 0.7)
    users = random_users(16, n_items, owner, hidden, share)
    found, rows = blocked_top_k.best_of_catalogue(h, items, users, owner, hidden, allowed, k=k)
    expected, expected_rows = best_by_matrix(h, items, users, owner, hidden, allowed, k)
    np.testing.assert_allclose(found, expected, atol=2e-5)
    real = np.isfinite(expected)
    assert np.array_equal(np.asarray(rows)[real], np.asarray(expected_rows)[real])


def test_best_of_catalogue_with_huge_boosts_equals_the_matrix():
    """exp(boost) is beyond float32."""
    h, items, owner, hidden = random_problem(8, 1500, 10)
    users = random_users(8, 1500, owner, hidden, share=0.02, largest=400.0)
    problem = h, items, users, owner, hidden, jnp.ones(1500, bool)
    found, rows = blocked_top_k.best_of_catalogue(*problem, k=10)
    expected, expected_rows = best_by_matrix(*problem, 10)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert np.array_equal(rows, expected_rows)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_best_of_catalogue_takes_the_first_of_equal_items(seed):
    rng = np.random.default_rng(seed)
    n, k = 1300, 12
    # Few distinct logits, exact in any order of summation.
    h = jnp.ones((3, 1))
    items = jnp.asarray(rng.integers(0, rng.integers(1, 40), (n, 1)), jnp.float32)
    owner = jnp.asarray(np.sort(rng.integers(0, 4, 30)))
    hidden = jnp.asarray(rng.integers(0, n, 30))
    allowed = jnp.asarray(rng.random(n) < rng.random())
    terms = ItemTerms(items, jnp.zeros(n), jnp.zeros(n))
    problem = h, terms, no_boost(3, n), owner, hidden, allowed
    found, rows = blocked_top_k.best_of_catalogue(*problem, k=k)
    expected, expected_rows = best_by_matrix(*problem, k)
    real = np.isfinite(expected)
    assert np.array_equal(np.isfinite(found), real)
    assert np.array_equal(np.asarray(rows)[real], np.asarray(expected_rows)[real])


def test_best_of_catalogue_with_one_unseen_item_gives_that_item():
    h, items, _, _ = random_problem(2, 3000, 0)
    seen = np.delete(np.arange(3000, dtype=np.int32), 1024)
    found, rows = blocked_top_k.best_of_catalogue(
        h,
        items,
        no_boost(2, 3000),
        jnp.ones(2999, jnp.int32),
        jnp.asarray(seen),
        jnp.ones(3000, bool),
        k=5,
    )
    assert np.isfinite(found[0]).all()
    assert rows[1, 0] == 1024
    assert np.isfinite(found[1]).tolist() == [True, False, False, False, False]


def test_best_of_catalogue_makes_no_array_of_users_by_items():
    h, items, owner, hidden = random_problem(64, 8192, 10)
    allowed, users = jnp.ones(8192, bool), random_users(64, 8192, owner, hidden, 0.01)
    compiled = blocked_top_k.best_of_catalogue.lower(
        h, items, users, owner, hidden, allowed, k=10
    ).compile()
    whole = 4 * 64 * 8192
    assert compiled.memory_analysis().temp_size_in_bytes < whole
    matrix = (
        jax.jit(best_by_matrix, static_argnums=6)
        .lower(h, items, users, owner, hidden, allowed, 10)
        .compile()
    )
    assert matrix.memory_analysis().temp_size_in_bytes >= whole


def test_best_of_catalogue_memory_does_not_grow_with_hidden_items_times_groups():
    n_hidden, n_groups = 4000, 1024
    h, items, owner, hidden = random_problem(2, 8 * n_groups, n_hidden)
    allowed, users = jnp.ones(8 * n_groups, bool), no_boost(2, 8 * n_groups)
    compiled = blocked_top_k.best_of_catalogue.lower(
        h, items, users, owner, hidden, allowed, k=2000
    ).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < n_hidden * n_groups


@pytest.mark.parametrize("max_gathered", [1 << 25, 1 << 18, 1])
def test_best_of_catalogue_gathers_bounded_memory_with_equal_results(monkeypatch, max_gathered):
    """Runs the accelerator's path, which gathers the embeddings of several users at once."""
    use_defaults(monkeypatch, "gpu", gathered_floats=max_gathered)
    h, items, owner, hidden = random_problem(64, 8192, 10, width=64)
    allowed, users = jnp.ones(8192, bool), random_users(64, 8192, owner, hidden, 0.1)
    # A new jit traces again, with the values set here.
    program = jax.jit(functools.partial(blocked_top_k.best_of_catalogue.__wrapped__, k=100))
    problem = h, items, users, owner, hidden, allowed
    found, rows = program(*problem)
    expected, expected_rows = best_by_matrix(*problem, 100)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.array_equal(rows, expected_rows)
    used = program.lower(*problem).compile().memory_analysis().temp_size_in_bytes
    all_users = 4 * 64 * 8 * 100 * 64
    assert used > all_users if max_gathered == 1 << 25 else used < all_users


@pytest.mark.parametrize(
    ("users", "items", "width", "size"),
    [(1024, 320, 64, 1024), (1024, 12_800, 64, 32), (4, 10**6, 64, 1), (3, 5, 1, 2)],
)
def test_users_per_gather_is_one_on_a_cpu_and_bounded_elsewhere(
    monkeypatch, users, items, width, size
):
    assert blocked_top_k.users_per_gather(users, items, width) == 1
    use_defaults(monkeypatch, "gpu")
    assert blocked_top_k.users_per_gather(users, items, width) == size


def test_best_of_catalogue_with_approximate_recall_is_exact_without_a_tpu():
    assert jax.default_backend() != "tpu"
    h, items, owner, hidden = random_problem(8, 2500, 10)
    problem = h, items, no_boost(8, 2500), owner, hidden, jnp.ones(2500, bool)
    exact = blocked_top_k.best_of_catalogue(*problem, k=10)
    approximate = blocked_top_k.best_of_catalogue(*problem, k=10, recall=0.9)
    assert np.array_equal(exact[1], approximate[1])


@pytest.mark.parametrize(
    ("items", "users", "size"),
    [(600, 5000, 1024), (10**6, 5000, 1024), (10**7, 5000, 64), (9, 3, 2), (0, 1, 1)],
)
def test_users_per_call_is_bounded(items, users, size):
    assert blocked_top_k.users_per_call(items, users) == size
