"""Standardised numbers (prices, years) to vectors: an MLP over x and soft bins of x.

The bins let one hidden layer express a preference for a middle range. From x alone it would have to
build one from two opposed ramps.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from m6rec_cli.config.settings import ModelConfig
from m6rec_cli.model.layers import MLP
from m6rec_cli.system.feature_spec import FeatureSpec

_CENTRES = np.linspace(-2, 2, 9, dtype=np.float32)


class Tower(nnx.Module):
    """`values` f32 (r,) to (r, d)."""

    def __init__(self, spec: FeatureSpec, config: ModelConfig, *, rngs: nnx.Rngs):
        d = config.width
        n_in = 1 + len(_CENTRES)
        self.mlp = MLP(
            n_in,
            d,
            d,
            layers=config.encoder.layers,
            activation=config.encoder.activation,
            rngs=rngs,
        )

    def __call__(self, values: Float[Array, " r"]) -> Float[Array, "r d"]:
        """Numbers to vectors."""
        bins = jax.nn.softmax(-2 * (values[:, None] - _CENTRES[None]) ** 2, axis=-1)
        return self.mlp(jnp.concatenate([values[:, None], bins], axis=-1))
