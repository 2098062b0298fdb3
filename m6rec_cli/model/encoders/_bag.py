"""An embedding bag and an MLP: what sets, texts and categories share."""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from m6rec_cli.config import ModelConfig
from m6rec_cli.model.layers import CONTENT_SCALE, MLP
from m6rec_cli.schema import FeatureSpec


class Bag(nnx.Module):
    """s + MLP(s), with s the sum of member embeddings over the square root of their number.

    The root keeps the vector's scale the same for short and long bags of unrelated members. The table lies
    at the scale of the item ids and is multiplied up to what the fusion expects: Adam moves every number by
    about the learning rate, so that a table of unit scale would learn many times slower than the ids and
    leave the MLP to tell random vectors apart.
    """

    def __init__(self, spec: FeatureSpec, config: ModelConfig, *, rngs: nnx.Rngs):
        d, encoder = config.width, config.encoder
        self.table = nnx.Param(nnx.initializers.normal(0.02)(rngs.params(), (spec.size, d)))
        self.mlp = MLP(d, d, d, layers=encoder.layers, activation=encoder.activation, zero=True, rngs=rngs)

    def __call__(self, values: Int[Array, "r l"]) -> Float[Array, "r d"]:
        """Codes to vectors; -1 marks the places beyond the end."""
        real = values >= 0
        members = jnp.where(real[..., None], self.table[...][jnp.maximum(values, 0)], 0)
        n = jnp.maximum(real.sum(axis=-1), 1)
        s = members.sum(axis=1) / jnp.sqrt(n)[:, None]
        return (s + self.mlp(s)) / CONTENT_SCALE
