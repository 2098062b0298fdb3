"""How parameters begin. Numpy draws them: XLA compiles a generator for every shape, some ten seconds at a first start.

Each function is an initialiser as Flax's layers take them: `(key, shape, dtype) -> array`, the same in eager code,
under `jit` and under `eval_shape`.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.core import Tracer
from jaxtyping import Array, Float

from m6rec_cli.system.shapes import PRNGKey

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def _by_numpy(draw: Draw, key: PRNGKey, shape: tuple[int, ...], dtype: Any) -> Array:
    def host(words: Any) -> np.ndarray:
        return draw(np.random.default_rng(np.asarray(words)), shape).astype(dtype, copy=False)

    words = jax.random.key_data(key)
    if isinstance(words, Tracer):
        return jax.pure_callback(host, jax.ShapeDtypeStruct(shape, dtype), words)
    return jax.device_put(host(words))  # an eager callback would be compiled for each shape, too


def normal(scale: float) -> nnx.Initializer:
    """Normal numbers of standard deviation `scale`."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        x = rng.standard_normal(shape, dtype=np.float32)  # a table of ids may be large
        x *= scale
        return x

    def init(key: PRNGKey, shape: Any, dtype: Any = jnp.float32, *_: Any) -> Float[Array, "..."]:
        return _by_numpy(draw, key, tuple(shape), dtype)

    return init


def lecun(fan_axis: int = -2) -> nnx.Initializer:
    """Variance 1 / fan-in, normal and cut at two deviations (LeCun et al. 1998, 4.6; as Flax's default).

    Args:
        fan_axis: The axis of the inputs; for a kernel (in, out) the last but one.
    """

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        x = rng.standard_normal(shape)
        while (beyond := np.abs(x) > 2).any():
            x[beyond] = rng.standard_normal(int(beyond.sum()))
        return x / (_CUT * math.sqrt(shape[fan_axis]))

    def init(key: PRNGKey, shape: Any, dtype: Any = jnp.float32, *_: Any) -> Float[Array, "..."]:
        return _by_numpy(draw, key, tuple(shape), dtype)

    return init


_CUT = 0.87962566103423978
"""Standard deviation of a normal number that is cut at two."""


def orthogonal() -> nnx.Initializer:
    """Rows of a random orthogonal matrix (Saxe et al. 2014), for kernels (n, m) with n <= m."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        q, r = np.linalg.qr(rng.standard_normal(shape[::-1]))
        return (q * np.sign(np.diag(r))).T

    def init(key: PRNGKey, shape: Any, dtype: Any = jnp.float32, *_: Any) -> Float[Array, "..."]:
        return _by_numpy(draw, key, tuple(shape), dtype)

    return init


def constant(value: float) -> nnx.Initializer:
    """The same number everywhere."""

    def init(key: PRNGKey, shape: Any, dtype: Any = jnp.float32, *_: Any) -> Float[Array, "..."]:
        return full(tuple(shape), value, dtype)

    return init


def full(
    shape: tuple[int, ...], value: float = 0.0, dtype: Any = jnp.float32
) -> Float[Array, "..."]:
    """An array of one number; `jnp.full` would be compiled for each shape."""
    return jax.device_put(np.full(shape, value, dtype))


zeros = constant(0.0)
"""A layer that adds nothing at the start, so that its branch begins as the identity."""


def linear(
    n_in: int,
    n_out: int,
    *,
    bias: bool = True,
    kernel: nnx.Initializer | None = None,
    rngs: nnx.Rngs,
) -> nnx.Linear:
    """A linear layer; `kernel` defaults to `lecun()`."""
    return nnx.Linear(
        n_in, n_out, use_bias=bias, kernel_init=kernel or lecun(), bias_init=zeros, rngs=rngs
    )


def layer_norm(width: int, *, rngs: nnx.Rngs) -> nnx.LayerNorm:
    """A layer norm that scales by 1 and adds 0."""
    return nnx.LayerNorm(width, scale_init=constant(1.0), bias_init=zeros, rngs=rngs)
