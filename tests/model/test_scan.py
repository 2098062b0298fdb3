"""The linear recurrence against a loop over time: states and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from m6rec_cli.model.scan import linear_scan, resolve_method


def by_loop(a, x, h0):
    h, out = h0, []
    for t in range(x.shape[1]):
        h = a[:, t] * h + x[:, t]
        out.append(h)
    return jnp.stack(out, axis=1)


def world(dtype):
    keys = jax.random.split(jax.random.key(0), 6)
    a, x = jax.random.uniform(keys[0], (2, 13, 5)), jax.random.normal(keys[1], (2, 13, 5))
    h0 = jax.random.normal(keys[2], (2, 5))
    if dtype is complex:
        a = a * jnp.exp(1j * jax.random.uniform(keys[3], a.shape))
        x, h0 = x + 1j * x[:, ::-1], h0 + 2j * h0
    return a.at[:, 6].set(0), x, h0


@pytest.mark.parametrize("method", ["sequential", "parallel"])
@pytest.mark.parametrize("dtype", [float, complex])
def test_linear_scan_equals_a_loop_over_time(method, dtype):
    a, x, h0 = world(dtype)
    np.testing.assert_allclose(linear_scan(a, x, h0, method), by_loop(a, x, h0), atol=1e-5)


@pytest.mark.parametrize("method", ["sequential", "parallel"])
@pytest.mark.parametrize("dtype", [float, complex])
def test_linear_scan_gradient_equals_that_of_the_loop(method, dtype):
    args = world(dtype)

    def loss(f):
        return lambda *args: (jnp.abs(f(*args)) ** 2 * jnp.arange(1, 6)[None, None]).sum()

    got = jax.grad(loss(lambda *args: linear_scan(*args, method)), argnums=(0, 1, 2))(*args)
    want = jax.grad(loss(by_loop), argnums=(0, 1, 2))(*args)
    for g, w in zip(got, want, strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-4, atol=1e-4)


def test_resolve_method_auto_is_sequential_on_a_cpu():
    assert resolve_method("auto") == "sequential"
    assert resolve_method("parallel") == "parallel"
