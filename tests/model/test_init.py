"""Initialisers: the same numbers in eager and compiled code, their spread, no compilation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from m6rec_cli.model import init

KINDS = {"normal": init.normal(0.02), "lecun": init.lecun(), "orthogonal": init.orthogonal()}


@pytest.mark.parametrize("kind", KINDS)
def test_initializer_gives_the_same_numbers_eagerly_and_under_jit(kind):
    key = jax.random.key(7)
    eager = KINDS[kind](key, (6, 18), jnp.float32)
    compiled = jax.jit(lambda k: KINDS[kind](k, (6, 18), jnp.float32))(key)
    shape = jax.eval_shape(lambda: KINDS[kind](jax.random.key(7), (6, 18), jnp.float32))
    np.testing.assert_array_equal(eager, compiled)
    assert (shape.shape, shape.dtype) == (eager.shape, eager.dtype)


@pytest.mark.parametrize("kind", KINDS)
def test_initializer_with_another_key_gives_other_numbers(kind):
    a, b = (KINDS[kind](jax.random.key(seed), (4, 8), jnp.float32) for seed in (0, 1))
    assert not np.any(np.asarray(a) == np.asarray(b))


def test_initializers_have_the_documented_spread():
    key = jax.random.key(0)
    assert np.std(init.normal(0.02)(key, (400, 300), jnp.float32)) == pytest.approx(0.02, rel=0.01)
    x = np.asarray(init.lecun()(key, (400, 300), jnp.float32))
    assert x.std() == pytest.approx(1 / 20, rel=0.01)
    assert np.abs(x).max() < 2 / 20 / 0.87
    assert np.std(init.lecun(fan_axis=1)(key, (300, 400), jnp.float32)) == pytest.approx(
        1 / 20, rel=0.01
    )
    q = np.asarray(init.orthogonal()(key, (16, 48), jnp.float32))
    np.testing.assert_allclose(q @ q.T, np.eye(16), atol=1e-5)


def test_normal_compiles_nothing_for_new_shapes():
    rngs = nnx.Rngs(0)
    rngs.params()  # the program that draws keys is compiled once
    compilations: list[str] = []

    def note(event: str, seconds: float, **_: object) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            compilations.append(event)

    jax.monitoring.register_event_duration_secs_listener(note)
    try:
        for n in (3, 5, 7):
            init.normal(1.0)(rngs.params(), (n, n + 1), jnp.float32)
    finally:
        jax.monitoring.unregister_event_duration_listener(note)
    assert compilations == []
