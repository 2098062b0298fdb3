"""Pictures to vectors: a shared layer per patch, then an MLP over all patches.

Both are matrix products over contiguous axes. A mixer block (Tolstikhin et al., 2021, arXiv
2105.01601) took several times as long on a CPU, because of its transposes and layer norms.
"""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, UInt8

from m6rec_cli.config.settings import ModelConfig
from m6rec_cli.model.init import full, lecun
from m6rec_cli.model.layers import ACTIVATIONS, MLP
from m6rec_cli.system.feature_spec import FeatureSpec

_PATCH = 8
_CHANNELS = 16


class Tower(nnx.Module):
    """`values` uint8 (r, side, side, 3) to (r, d); pixels beyond a multiple of 8 are cut off."""

    def __init__(self, spec: FeatureSpec, config: ModelConfig, *, rngs: nnx.Rngs):
        d = config.width
        self.grid = spec.size // _PATCH
        # (out, in): the gradient of x @ w.T costs a third less on a CPU than that of x @ w.
        init = lecun(fan_axis=1)
        self.patches = nnx.Param(init(rngs.params(), (_CHANNELS, _PATCH * _PATCH * 3)))
        self.patch_bias = nnx.Param(full((_CHANNELS,)))
        n_in = self.grid**2 * _CHANNELS
        self.activation = config.encoder.activation
        self.mlp = MLP(
            n_in, 2 * d, d, layers=config.encoder.layers, activation=self.activation, rngs=rngs
        )

    def __call__(self, values: UInt8[Array, "r h w c"]) -> Float[Array, "r d"]:
        """Pictures to vectors."""
        g, side = self.grid, self.grid * _PATCH
        x = values[:, :side, :side].reshape(-1, g, _PATCH, g, _PATCH, 3)
        x = x.transpose(0, 1, 3, 2, 4, 5).reshape(values.shape[0] * g * g, -1)
        x = (x.astype(jnp.float32) / 127.5 - 1) @ self.patches[...].T
        x = ACTIVATIONS[self.activation](x + self.patch_bias[...][None])
        return self.mlp(x.reshape(values.shape[0], -1))
