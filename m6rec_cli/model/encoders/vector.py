"""Precomputed embeddings to vectors: scaled to unit mean square, then an MLP."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from m6rec_cli.config.settings import ModelConfig
from m6rec_cli.model.layers import MLP
from m6rec_cli.system.feature_spec import FeatureSpec


class Tower(nnx.Module):
    """`values` f32 (r, size) to (r, d)."""

    def __init__(self, spec: FeatureSpec, config: ModelConfig, *, rngs: nnx.Rngs):
        d = config.width
        self.mlp = MLP(
            spec.size,
            2 * d,
            d,
            layers=config.encoder.layers,
            activation=config.encoder.activation,
            rngs=rngs,
        )

    def __call__(self, values: Float[Array, "r f"]) -> Float[Array, "r d"]:
        """Vectors to vectors of width d."""
        return self.mlp(values * jax.lax.rsqrt(jnp.mean(values**2, axis=-1, keepdims=True) + 1e-12))
