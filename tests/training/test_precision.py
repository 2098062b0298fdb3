"""bf16 products keep float32 parameters, sums and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from m6rec_cli.training import softmax
from m6rec_cli.training.precision import matmul, with_precision


class Model(nnx.Module):
    def __init__(self):
        self.inner = nnx.List([nnx.Linear(8, 4, rngs=nnx.Rngs(0))])

    def __call__(self, x):
        return self.inner[0](x)


def test_matmul_in_bf16_sums_in_float32():
    a, b = jnp.full((1, 4096), 1.0), jnp.full((4096, 1), 1.0 + 2**-7)
    got = matmul(a, b, bf16=True)
    assert got.dtype == jnp.float32
    np.testing.assert_allclose(got[0, 0], 4096 * (1 + 2**-7), rtol=1e-6)
    # bf16 cannot represent 1 + 2^-9: the factor is rounded.
    assert matmul(a, jnp.full((4096, 1), 1.0 + 2**-9), bf16=True)[0, 0] == 4096


def test_with_precision_bf16_is_a_copy_with_float32_parameters_and_results():
    model, x = Model(), jax.random.normal(jax.random.key(0), (5, 8))
    assert with_precision(model, "float32") is model
    in_bf16 = with_precision(model, "bf16")
    assert model.inner[0].dtype is None
    assert in_bf16.inner[0].kernel[...].dtype == jnp.float32
    assert in_bf16(x).dtype == jnp.float32
    assert "bf16" in jax.jit(lambda x: in_bf16(x)).lower(x).as_text()
    np.testing.assert_allclose(in_bf16(x), model(x), atol=0.05)
    assert not np.array_equal(in_bf16(x), model(x))
    grads = nnx.grad(lambda m: m(x).sum())(in_bf16)
    assert grads["inner"][0]["kernel"][...].dtype == jnp.float32


@pytest.mark.parametrize("items_learn", [True, False])
def test_cross_entropy_in_bf16_approximates_float32(items_learn):
    keys = jax.random.split(jax.random.key(0), 3)
    h, e, b = (
        jax.random.normal(keys[0], (40, 8)),
        jax.random.normal(keys[1], (30, 8)),
        jnp.zeros(30),
    )
    y, w = jax.random.randint(keys[2], (40,), 0, 30), jnp.ones(40)

    def run(in_bf16):
        def loss(h, e):
            return softmax.cross_entropy(h, e, b, y, w, items_learn=items_learn, bf16=in_bf16)

        return jax.value_and_grad(loss, argnums=(0, 1))(h, e)

    (full, full_grads), (in_bf16, bf16_grads) = run(False), run(True)
    assert in_bf16.dtype == jnp.float32
    assert full != in_bf16
    np.testing.assert_allclose(in_bf16, full, rtol=0.01)
    for got, expected in zip(bf16_grads, full_grads, strict=True):
        np.testing.assert_allclose(got, expected, atol=0.1)
