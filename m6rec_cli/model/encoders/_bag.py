"""An embedding bag and an MLP: what sets and texts share."""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from m6rec_cli.config import ModelConfig
from m6rec_cli.model.layers import MLP
from m6rec_cli.schema import FeatureSpec


class Bag(nnx.Module):
    """MLP of the sum of member embeddings over the square root of their number.

    The root keeps the vector's scale the same for short and long bags of unrelated members.
    """

    def __init__(self, spec: FeatureSpec, config: ModelConfig, *, rngs: nnx.Rngs):
        d = config.width
        self.table = nnx.Param(nnx.initializers.normal(1.0)(rngs.params(), (spec.size, d)))
        self.mlp = MLP(d, d, d, layers=config.encoder.layers, activation=config.encoder.activation, rngs=rngs)

    def __call__(self, values: Int[Array, "r l"]) -> Float[Array, "r d"]:
        """Codes to vectors; -1 marks the places beyond the end."""
        real = values >= 0
        members = jnp.where(real[..., None], self.table[...][jnp.maximum(values, 0)], 0)
        n = jnp.maximum(real.sum(axis=-1), 1)
        return self.mlp(members.sum(axis=1) / jnp.sqrt(n)[:, None])
