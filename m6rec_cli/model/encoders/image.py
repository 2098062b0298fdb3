"""Pictures to vectors: patches through one MLP-Mixer block (Tolstikhin et al., 2021, arXiv 2105.01601)."""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, UInt8

from m6rec_cli.config import ModelConfig
from m6rec_cli.model.layers import MLP
from m6rec_cli.schema import FeatureSpec

_PATCH = 8


class Tower(nnx.Module):
    """`values` uint8 (r, side, side, 3) to (r, d); a side that is no multiple of 8 loses its last pixels."""

    def __init__(self, spec: FeatureSpec, config: ModelConfig, *, rngs: nnx.Rngs):
        d, activation = config.width, config.encoder.activation
        self.grid = spec.size // _PATCH
        n = self.grid**2
        self.patches = nnx.Linear(_PATCH * _PATCH * 3, d, rngs=rngs)
        self.norm_tokens = nnx.LayerNorm(d, rngs=rngs)
        self.mix_tokens = MLP(n, 2 * n, n, activation="gelu", rngs=rngs)
        self.norm_channels = nnx.LayerNorm(d, rngs=rngs)
        self.mix_channels = MLP(d, 2 * d, d, activation="gelu", rngs=rngs)
        self.norm_out = nnx.LayerNorm(d, rngs=rngs)
        self.mlp = MLP(d, d, d, layers=config.encoder.layers, activation=activation, rngs=rngs)

    def __call__(self, values: UInt8[Array, "r h w c"]) -> Float[Array, "r d"]:
        """Pictures to vectors."""
        g, side = self.grid, self.grid * _PATCH
        x = values[:, :side, :side].reshape(-1, g, _PATCH, g, _PATCH, 3)
        x = x.transpose(0, 1, 3, 2, 4, 5).reshape(len(values), g * g, -1)
        x = self.patches(x.astype(jnp.float32) / 127.5 - 1)
        x = x + self.mix_tokens(self.norm_tokens(x).swapaxes(1, 2)).swapaxes(1, 2)
        x = x + self.mix_channels(self.norm_channels(x))
        return self.mlp(self.norm_out(x.mean(axis=1)))
