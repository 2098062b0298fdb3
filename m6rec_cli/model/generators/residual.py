"""G(h, z) = h + MLP([h; z]): context and noise to a candidate embedding (article 4.1.3).

The MLP's output layer starts at zero: a fresh generator is the identity, and fine-tuning starts
from the pre-trained model. The article's ReLU on the output is left out, since it would exclude
embeddings with negative components.
"""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from m6rec_cli.config.settings import ModelConfig
from m6rec_cli.model.layers import MLP


class Generator(nnx.Module):
    """Contexts (n, d) and noise (n, z) to candidate embeddings (n, d)."""

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs):
        d, z = config.width, config.generator.noise
        self.mlp = MLP(
            d + z,
            config.generator.hidden,
            d,
            activation=config.encoder.activation,
            zero_init=True,
            rngs=rngs,
        )

    def __call__(self, h: Float[Array, "n d"], z: Float[Array, "n z"]) -> Float[Array, "n d"]:
        """Candidate embeddings."""
        return h + self.mlp(jnp.concatenate([h, z], axis=-1))
