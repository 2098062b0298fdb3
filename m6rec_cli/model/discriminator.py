"""The discriminator D(h, e): whether an item embedding after a context is real or generated.

A small MLP without normalisation layers, because of the R1 and R2 penalties. Callers scale real and
generated embeddings to one length: the softmax makes generated ones long, and their length alone
would give them away.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from m6rec_cli.config.settings import ModelConfig
from m6rec_cli.model.layers import MLP


class Discriminator(nnx.Module):
    """Contexts (n, d) and item embeddings (n, d) to scores (n,)."""

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs):
        d = config.width
        self.mlp = MLP(3 * d, config.generator.hidden, 1, layers=2, activation="silu", rngs=rngs)

    def __call__(self, h: Float[Array, "n d"], e: Float[Array, "n d"]) -> Float[Array, " n"]:
        """Scores; higher means more real."""
        return self.mlp(jnp.concatenate([h, e, h * e], axis=-1))[:, 0]


def unit_mean_square(e: Float[Array, "n d"]) -> Float[Array, "n d"]:
    """Scale each vector to mean square 1, as a layer norm does."""
    return e * jax.lax.rsqrt(jnp.mean(e**2, axis=-1, keepdims=True) + 1e-8)
