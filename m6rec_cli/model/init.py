"""Initial parameters, drawn by numpy.

XLA would compile a random generator for each shape, which takes about ten seconds at the first
start. The initialisers are Flax's `(key, shape, dtype) -> array` and give the same numbers in eager
code and under `jit`; they work under `eval_shape`, too.
"""

import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.core import Tracer
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from m6rec_cli.system.shapes import PRNGKey

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def _initializer(draw: Draw) -> nnx.Initializer:
    """The initialiser that draws its numbers by `draw`."""

    def init(
        key: PRNGKey, shape: Sequence[int], dtype: DTypeLike = jnp.float32, *_: object
    ) -> Float[Array, "..."]:
        return _draw_by_numpy(draw, key, tuple(shape), dtype)

    return init


def _draw_by_numpy(draw: Draw, key: PRNGKey, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
    def on_host(words: Array) -> np.ndarray:
        return draw(np.random.default_rng(np.asarray(words)), shape).astype(dtype, copy=False)

    words = jax.random.key_data(key)
    if isinstance(words, Tracer):
        return jax.pure_callback(on_host, jax.ShapeDtypeStruct(shape, dtype), words)
    return jax.device_put(on_host(words))  # an eager callback would be compiled for each shape


def normal(scale: float) -> nnx.Initializer:
    """Normal numbers with standard deviation `scale`."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        x = rng.standard_normal(shape, dtype=np.float32)  # an id table may be too large for f64
        x *= scale
        return x

    return _initializer(draw)


def lecun(fan_axis: int = -2) -> nnx.Initializer:
    """Truncated normal numbers with variance 1 / fan-in (LeCun et al. 1998, 4.6), Flax's default.

    Args:
        fan_axis: The axis of the inputs; that of a kernel (in, out) is -2.
    """

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        x = rng.standard_normal(shape)
        while (beyond := np.abs(x) > 2).any():
            x[beyond] = rng.standard_normal(int(beyond.sum()))
        return x / (_TRUNCATED_DEVIATION * math.sqrt(shape[fan_axis]))

    return _initializer(draw)


_TRUNCATED_DEVIATION = 0.87962566103423978
"""Standard deviation of a standard normal number truncated at 2."""


def orthogonal() -> nnx.Initializer:
    """Random orthogonal rows (Saxe et al. 2014), for kernels (n, m) with n <= m."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        q, r = np.linalg.qr(rng.standard_normal(shape[::-1]))
        return (q * np.sign(np.diag(r))).T

    return _initializer(draw)


def constant(value: float) -> nnx.Initializer:
    """The same number everywhere."""

    def init(
        key: PRNGKey, shape: Sequence[int], dtype: DTypeLike = jnp.float32, *_: object
    ) -> Float[Array, "..."]:
        return full(tuple(shape), value, dtype)

    return init


def full(
    shape: tuple[int, ...], value: float = 0.0, dtype: DTypeLike = jnp.float32
) -> Float[Array, "..."]:
    """An array filled with one number; `jnp.full` would be compiled for each shape."""
    return jax.device_put(np.full(shape, value, dtype))


zeros = constant(0.0)
"""For the last layer of a residual branch: the block starts as the identity."""


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
    """A layer norm with scale 1 and bias 0."""
    return nnx.LayerNorm(width, scale_init=constant(1.0), bias_init=zeros, rngs=rngs)
