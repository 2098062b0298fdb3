"""G(h, z) = h + MLP([h; z]): candidate embeddings from a context and noise (article 4.1.3).

The MLP's output layer starts at zero, so that a fresh generator passes on what the decoder says and
fine-tuning starts from the pre-trained model. The article's ReLU on the output is left out: it would
forbid negative components, and with them half of all directions of an embedding.
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
            zero=True,
            rngs=rngs,
        )

    def __call__(self, h: Float[Array, "n d"], z: Float[Array, "n z"]) -> Float[Array, "n d"]:
        """Candidate embeddings."""
        return h + self.mlp(jnp.concatenate([h, z], axis=-1))
