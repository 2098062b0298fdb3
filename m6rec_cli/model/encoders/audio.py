"""Log-mel frames to vectors: a shared layer per frame, mean and maximum over time, an MLP."""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from m6rec_cli.config.settings import ModelConfig
from m6rec_cli.model.init import linear
from m6rec_cli.model.layers import ACTIVATIONS, MLP
from m6rec_cli.system.feature_spec import FeatureSpec

_CENTRE, _SPREAD = -7.0, 4.0
"""Bring log-mel energies, whose floor is ln(1e-6) = -13.8, to about unit scale."""


class Tower(nnx.Module):
    """`values` f16 (r, frames, size) to (r, d).

    Mean and maximum ignore the order of frames: what sounds matters more than when.
    """

    def __init__(self, spec: FeatureSpec, config: ModelConfig, *, rngs: nnx.Rngs):
        d, encoder = config.width, config.encoder
        self.frames = linear(spec.size, d, rngs=rngs)
        self.activation = encoder.activation
        self.mlp = MLP(
            2 * d, 2 * d, d, layers=encoder.layers, activation=self.activation, rngs=rngs
        )

    def __call__(self, values: Float[Array, "r l f"]) -> Float[Array, "r d"]:
        """Sounds to vectors."""
        x = ACTIVATIONS[self.activation](
            self.frames((values.astype(jnp.float32) - _CENTRE) / _SPREAD)
        )
        return self.mlp(jnp.concatenate([x.mean(axis=1), x.max(axis=1)], axis=-1))
