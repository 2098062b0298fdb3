"""One pass over the catalogue gives what a whole matrix of scores gives."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from m6rec_cli.inference import blocked_top_k, graph_boost, scores


def problem(users, items, hidden, seed=0, width=6):
    rng = np.random.default_rng(seed)
    h = jnp.asarray(rng.normal(size=(users, width)), jnp.float32)
    w = jnp.asarray(rng.normal(size=(items, width)), jnp.float32)
    bias = jnp.asarray(rng.normal(size=items), jnp.float32)
    # The last pairs are padding.
    owner = np.sort(rng.integers(0, users + 1, hidden)).astype(np.int32)
    return (
        h,
        w,
        bias,
        jnp.asarray(owner),
        jnp.asarray(rng.integers(0, items, hidden).astype(np.int32)),
    )


def by_matrix(h, w, bias, raised, owner, hidden, allowed, k):
    logits = scores.added(h @ w.T + bias[None], raised)
    return scores.best_items(jax.nn.log_softmax(logits, axis=-1), owner, hidden, allowed, k=k)


def nothing(users, items):
    return graph_boost.tile(
        sparse.csr_array((users, items), dtype=np.float32), items, np.arange(users)
    )


def some(users, items, owner, hidden, share=0.1, seed=2):
    rng = np.random.default_rng(seed)
    matrix = 3 * rng.random((users, items)) * (rng.random((users, items)) < share)
    pairs = np.unique(np.stack([np.asarray(owner), np.asarray(hidden)]).astype(np.int64), axis=1)
    return graph_boost.tile(
        sparse.csr_array(matrix.astype(np.float32)),
        items,
        np.arange(users),
        tuple(pairs[:, pairs[0] < users]),
    )


@pytest.mark.parametrize("share", [0, 0.1, 1])
@pytest.mark.parametrize(
    ("items", "k"), [(1, 1), (7, 7), (1023, 10), (1024, 1), (1025, 70), (2500, 10)]
)
def test_one_pass_equals_the_matrix(items, k, share):
    h, w, bias, owner, hidden = problem(16, items, 40)
    allowed = jnp.asarray(np.random.default_rng(1).random(items) < 0.7)
    raised = nothing(16, items) if share == 0 else some(16, items, owner, hidden, share)
    got, rows = blocked_top_k.best_of_catalogue(h, w, bias, raised, owner, hidden, allowed, k=k)
    want, at = by_matrix(h, w, bias, raised, owner, hidden, allowed, k)
    np.testing.assert_allclose(got, want, atol=2e-5)
    real = np.isfinite(want)
    assert np.array_equal(np.asarray(rows)[real], np.asarray(at)[real])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_one_pass_takes_the_first_of_equal_items(seed):
    rng = np.random.default_rng(seed)
    n, k = 1300, 12
    # Few distinct logits, exact in any order of summation.
    h, w = jnp.ones((3, 1)), jnp.asarray(rng.integers(0, rng.integers(1, 40), (n, 1)), jnp.float32)
    owner, hidden = (
        jnp.asarray(np.sort(rng.integers(0, 4, 30))),
        jnp.asarray(rng.integers(0, n, 30)),
    )
    allowed = jnp.asarray(rng.random(n) < rng.random())
    got = blocked_top_k.best_of_catalogue(
        h, w, jnp.zeros(n), nothing(3, n), owner, hidden, allowed, k=k
    )
    want = by_matrix(h, w, jnp.zeros(n), nothing(3, n), owner, hidden, allowed, k)
    real = np.isfinite(want[0])
    assert np.array_equal(np.isfinite(got[0]), real)
    assert np.array_equal(np.asarray(got[1])[real], np.asarray(want[1])[real])


def test_a_user_who_has_seen_all_but_one_item_gets_that_one():
    h, w, bias, _, _ = problem(2, 3000, 0)
    rows = np.delete(np.arange(3000, dtype=np.int32), 1024)
    found, at = blocked_top_k.best_of_catalogue(
        h,
        w,
        bias,
        nothing(2, 3000),
        jnp.ones(2999, jnp.int32),
        jnp.asarray(rows),
        jnp.ones(3000, bool),
        k=5,
    )
    assert np.isfinite(found[0]).all()
    assert at[1, 0] == 1024
    assert np.isfinite(found[1]).tolist() == [True, False, False, False, False]


def test_no_array_of_users_by_items_is_made():
    h, w, bias, owner, hidden = problem(64, 8192, 10)
    allowed, raised = jnp.ones(8192, bool), some(64, 8192, owner, hidden, 0.01)
    compiled = blocked_top_k.best_of_catalogue.lower(
        h, w, bias, raised, owner, hidden, allowed, k=10
    ).compile()
    whole = 4 * 64 * 8192
    assert compiled.memory_analysis().temp_size_in_bytes < whole
    matrix = (
        jax.jit(by_matrix, static_argnums=7)
        .lower(h, w, bias, raised, owner, hidden, allowed, 10)
        .compile()
    )
    assert matrix.memory_analysis().temp_size_in_bytes >= whole


def test_memory_does_not_grow_with_hidden_items_times_groups():
    n_hidden, n_groups = 4000, 1024
    h, w, bias, owner, hidden = problem(2, 8 * n_groups, n_hidden)
    allowed, raised = jnp.ones(len(w), bool), nothing(2, len(w))
    compiled = blocked_top_k.best_of_catalogue.lower(
        h, w, bias, raised, owner, hidden, allowed, k=2000
    ).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < n_hidden * n_groups


@pytest.mark.parametrize("gathered", [1 << 25, 1 << 18, 1])
def test_users_at_once_change_nothing_but_the_memory(monkeypatch, gathered):
    """As an accelerator would do it, where the embeddings of several users are gathered at once."""
    monkeypatch.setattr(blocked_top_k.jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(blocked_top_k, "_GATHERED", gathered)
    h, w, bias, owner, hidden = problem(64, 8192, 10, width=64)
    allowed, raised = jnp.ones(8192, bool), some(64, 8192, owner, hidden, 0.1)
    # Traced anew, so that it meets what is set here.
    program = jax.jit(functools.partial(blocked_top_k.best_of_catalogue.__wrapped__, k=100))
    given = h, w, bias, raised, owner, hidden, allowed
    got, rows = program(*given)
    want, at = by_matrix(*given, 100)
    np.testing.assert_allclose(got, want, atol=1e-4)
    assert np.array_equal(rows, at)
    needed = program.lower(*given).compile().memory_analysis().temp_size_in_bytes
    of_all = 4 * 64 * 8 * 100 * 64
    assert needed > of_all if gathered == 1 << 25 else needed < of_all


@pytest.mark.parametrize(
    ("users", "items", "width", "size"),
    [(1024, 320, 64, 1024), (1024, 12_800, 64, 32), (4, 10**6, 64, 1), (3, 5, 1, 2)],
)
def test_users_at_once_is_bounded(monkeypatch, users, items, width, size):
    assert blocked_top_k.users_at_once(users, items, width) == 1
    monkeypatch.setattr(blocked_top_k.jax, "default_backend", lambda: "gpu")
    assert blocked_top_k.users_at_once(users, items, width) == size


def test_approximate_selection_is_exact_where_no_tpu_is():
    assert jax.default_backend() != "tpu"
    h, w, bias, owner, hidden = problem(8, 2500, 10)
    exact = blocked_top_k.best_of_catalogue(
        h, w, bias, nothing(8, 2500), owner, hidden, jnp.ones(2500, bool), k=10
    )
    near = blocked_top_k.best_of_catalogue(
        h, w, bias, nothing(8, 2500), owner, hidden, jnp.ones(2500, bool), k=10, recall=0.9
    )
    assert np.array_equal(exact[1], near[1])


@pytest.mark.parametrize(
    ("items", "users", "size"),
    [(600, 5000, 1024), (10**6, 5000, 1024), (10**7, 5000, 64), (9, 3, 2), (0, 1, 1)],
)
def test_users_per_call_is_bounded(items, users, size):
    assert blocked_top_k.users_per_call(items, users) == size
