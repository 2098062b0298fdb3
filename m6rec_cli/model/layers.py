"""Building blocks of all parts: the article's MLP, dropout and a stream of random keys."""

import itertools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from m6rec_cli.model.init import lecun, linear, zeros
from m6rec_cli.system.shapes import PRNGKey

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": jax.nn.relu,
    "gelu": jax.nn.gelu,
    "silu": jax.nn.silu,
    "tanh": jnp.tanh,
}

CONTENT_SCALE = 0.05
"""Brings the output of towers (unit scale) to the scale of id embeddings (0.02 at the start)."""


class MLP(nnx.Module):
    """h1 = sigma(W1 x + b1) ... z = W h + b (article 4.1.1), with `layers` hidden layers.

    Args:
        zero_init: Start the output layer at W = b = 0, so that a residual block is the identity.
    """

    def __init__(
        self,
        n_in: int,
        n_hidden: int,
        n_out: int,
        *,
        layers: int = 1,
        activation: str = "relu",
        zero_init: bool = False,
        rngs: nnx.Rngs,
    ):
        sizes = [n_in, *[n_hidden] * layers]
        self.hidden = nnx.List([linear(a, b, rngs=rngs) for a, b in itertools.pairwise(sizes)])
        self.out = linear(sizes[-1], n_out, kernel=zeros if zero_init else lecun(), rngs=rngs)
        self.activation = activation

    def __call__(self, x: Float[Array, "... f"]) -> Float[Array, "... g"]:
        """Apply the layers to the last axis."""
        for layer in self.hidden:
            x = ACTIVATIONS[self.activation](layer(x))
        return self.out(x)


def dropout(x: Float[Array, "..."], rate: float, key: PRNGKey | None) -> Float[Array, "..."]:
    """Zero a share `rate` of the entries and scale up the others; without a key change nothing."""
    if key is None or rate == 0:
        return x
    # 16 random bits an entry suffice for a mask and cost half of 32.
    keep = jax.random.bits(key, x.shape, jnp.uint16) >= jnp.uint16(round(rate * 65536))
    return jnp.where(keep, x / (1 - rate), 0)


class Keys:
    """A stream of keys from one key, each used once; `Keys(None)` gives `None`: no dropout."""

    def __init__(self, key: PRNGKey | None):
        self._key, self._n = key, 0

    def __call__(self) -> PRNGKey | None:
        """The next key."""
        self._n += 1
        return None if self._key is None else jax.random.fold_in(self._key, self._n)
