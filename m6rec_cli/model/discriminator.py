"""D(h, e): how well an item embedding fits a context, real events against generated ones.

A small MLP without normalisation layers, as the R1 and R2 penalties want. Candidates are scaled to one
length before they are judged: the softmax makes generated vectors long, and length alone would tell.
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
        """Scores; higher is more real."""
        return self.mlp(jnp.concatenate([h, e, h * e], axis=-1))[:, 0]


def unit(e: Float[Array, "n d"]) -> Float[Array, "n d"]:
    """Scale to unit mean square, the scale of a layer norm's output."""
    return e * jax.lax.rsqrt(jnp.mean(e**2, axis=-1, keepdims=True) + 1e-8)
