"""Frames of videos to vectors: the mean of the image tower's vectors, plus an MLP of it.

The sound track is a feature of its own, with the audio tower; the fusion combines both.
"""

from flax import nnx
from jaxtyping import Array, Float, UInt8

from m6rec_cli.config.settings import ModelConfig
from m6rec_cli.model.encoders import image
from m6rec_cli.model.layers import MLP
from m6rec_cli.system.feature_spec import FeatureSpec


class Tower(nnx.Module):
    """`values` uint8 (r, frames, side, side, 3) to (r, d)."""

    def __init__(self, spec: FeatureSpec, config: ModelConfig, *, rngs: nnx.Rngs):
        d, encoder = config.width, config.encoder
        self.image = image.Tower(spec, config, rngs=rngs)
        self.mlp = MLP(
            d, d, d, layers=encoder.layers, activation=encoder.activation, zero_init=True, rngs=rngs
        )

    def __call__(self, values: UInt8[Array, "r l h w c"]) -> Float[Array, "r d"]:
        """Videos to vectors."""
        r, frames = values.shape[:2]
        mean = (
            self.image(values.reshape(r * frames, *values.shape[2:]))
            .reshape(r, frames, -1)
            .mean(axis=1)
        )
        return mean + self.mlp(mean)
