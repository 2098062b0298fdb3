"""The tiled and the sampled cross-entropy against optax, in values, gradients and memory."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from m6rec_cli.training import softmax


def world(n=37, i=11, d=6):
    keys = jax.random.split(jax.random.key(0), 4)
    h, e = jax.random.normal(keys[0], (n, d)), jax.random.normal(keys[1], (i, d))
    b = jax.random.normal(keys[2], (i,))
    y = jnp.arange(n) % i
    return h, e, b, y, jnp.where(jnp.arange(n) % 3 == 0, 0.0, jax.random.uniform(keys[3], (n,)))


def reference(h, e, b, y, w):
    return (w * optax.softmax_cross_entropy_with_integer_labels(h @ e.T + b[None], y)).sum()


@pytest.mark.parametrize("tile", [8, 37, 1024])
def test_cross_entropy_equals_optax_in_value_and_gradient(tile, monkeypatch):
    monkeypatch.setattr(softmax, "tile_rows", lambda n, i: min(n, tile))
    args = world()
    value, grads = jax.value_and_grad(softmax.cross_entropy, argnums=(0, 1))(*args)
    expected, expected_grads = jax.value_and_grad(reference, argnums=(0, 1))(*args)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    np.testing.assert_allclose(softmax.cross_entropy(*args), expected, rtol=1e-5)
    for got, expected_grad in zip(grads, expected_grads, strict=True):
        np.testing.assert_allclose(got, expected_grad, atol=1e-5)


def test_cross_entropy_of_large_logits_is_finite():
    h, e, b, y, w = world()
    value, grad = jax.value_and_grad(softmax.cross_entropy)(100 * h, 100 * e, b, y, w)
    assert np.isfinite(value)
    assert np.isfinite(grad).all()


@pytest.mark.parametrize(
    ("n_items", "rows"), [(10, 512), (12_101, 256), (100_000, 64), (10_000_000, 64)]
)
def test_tile_rows_falls_with_the_catalogue_within_bounds(n_items, rows):
    assert softmax.tile_rows(100_000, n_items) == rows
    assert softmax.tile_rows(7, n_items) == 7


@pytest.mark.parametrize(
    ("n_targets", "rows"), [(512, 256), (440, 224), (513, 176), (200, 200), (256, 256)]
)
def test_tile_rows_divides_the_targets_evenly(n_targets, rows):
    assert softmax.tile_rows(n_targets, 12_101) == rows


@pytest.mark.parametrize("typical", [1, 8, 24, 30, 37])
@pytest.mark.parametrize("weighted", [0, 1, 25, 37])
def test_cross_entropy_does_not_depend_on_the_typical_number_of_targets(typical, weighted):
    h, e, b, y, _ = world()
    w = (
        jnp.zeros(37)
        .at[np.random.default_rng(0).permutation(37)[:weighted]]
        .set(jnp.linspace(0.1, 2, weighted))
    )
    value, grads = jax.value_and_grad(
        functools.partial(softmax.cross_entropy, typical_targets=typical), argnums=(0, 1)
    )(h, e, b, y, w)
    expected, expected_grads = jax.value_and_grad(reference, argnums=(0, 1))(h, e, b, y, w)
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)
    for got, expected_grad in zip(grads, expected_grads, strict=True):
        np.testing.assert_allclose(got, expected_grad, atol=1e-5)


def test_cross_entropy_skips_tiles_without_a_target():
    h, e, b, y, _ = world(n=64)
    h = h.at[8:].set(jnp.nan)  # any product with these would show
    w = jnp.zeros(64).at[:8].set(1.0)
    grads = jax.grad(functools.partial(softmax.cross_entropy, typical_targets=8), argnums=(0, 1))(
        h, e, b, y, w
    )
    expected = jax.grad(reference, argnums=(0, 1))(h[:8], e, b, y[:8], w[:8])
    np.testing.assert_allclose(grads[0][:8], expected[0], atol=1e-5)


def test_cross_entropy_of_frozen_items_has_no_item_gradient():
    args = world()
    grads = jax.grad(lambda *a: softmax.cross_entropy(*a, items_learn=False), argnums=(0, 1))(*args)
    expected = jax.grad(reference)(*args)
    np.testing.assert_allclose(grads[0], expected, atol=1e-5)
    assert not np.any(grads[1])


def test_cross_entropy_never_allocates_all_logits(monkeypatch):
    monkeypatch.setattr(softmax, "tile_rows", lambda n, i: 16)
    h, e, b = jnp.ones((512, 4)), jnp.ones((1000, 4)), jnp.zeros(1000)
    y, w = jnp.zeros(512, int), jnp.ones(512)
    compiled = (
        jax.jit(jax.grad(softmax.cross_entropy, argnums=(0, 1))).lower(h, e, b, y, w).compile()
    )
    assert compiled.memory_analysis().temp_size_in_bytes < 512 * 1000 * 4 / 4


def test_sampled_cross_entropy_of_each_item_once_is_exact():
    h, e, b, y, w = world()
    all_items = jnp.arange(len(e))
    got = softmax.sampled_cross_entropy(h, e, b, y, w, all_items, jnp.zeros(len(e)))
    np.testing.assert_allclose(got, reference(h, e, b, y, w), rtol=1e-5)


def test_sampled_cross_entropy_with_the_log_q_correction_is_unbiased():
    h, e, b, y, w = world(n=1)
    y, w = y.at[:].set(0), jnp.ones(1)
    q = np.asarray(jax.nn.softmax(jnp.arange(len(e)) / 4.0))
    drawn = np.random.default_rng(0).choice(len(e), 200_000, p=q)
    got = softmax.sampled_cross_entropy(
        h, e, b, y, w, jnp.asarray(drawn), jnp.log(200_000 * q[drawn])
    )
    np.testing.assert_allclose(got, reference(h, e, b, y, w), rtol=0.02)
