"""An embedding bag with an MLP: the tower of categories, sets and texts."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from m6rec_cli.config.settings import ModelConfig
from m6rec_cli.model.init import normal
from m6rec_cli.model.layers import CONTENT_SCALE, MLP
from m6rec_cli.system import device_defaults
from m6rec_cli.system.feature_spec import FeatureSpec


class Bag(nnx.Module):
    """s + MLP(s), with s the sum of the member embeddings over the square root of their number.

    The root gives short and long bags of unrelated members the same scale. The table has the scale
    of the item id embeddings, and its output is multiplied to the scale that the fusion expects:
    Adam moves every parameter by about the learning rate, so that a table of unit scale would learn
    many times slower than the ids, and the MLP would work on random vectors.
    """

    def __init__(self, spec: FeatureSpec, config: ModelConfig, *, rngs: nnx.Rngs):
        d, encoder = config.width, config.encoder
        self.table = nnx.Param(normal(0.02)(rngs.params(), (spec.size, d)))
        self.mlp = MLP(
            d, d, d, layers=encoder.layers, activation=encoder.activation, zero_init=True, rngs=rngs
        )

    def __call__(self, values: Int[Array, "r l"]) -> Float[Array, "r d"]:
        """Codes to vectors; -1 is padding."""
        n = jnp.maximum((values >= 0).sum(axis=-1), 1)
        s = sum_members(self.table[...], values) / jnp.sqrt(n)[:, None]
        return (s + self.mlp(s)) / CONTENT_SCALE


def sum_members(table: Float[Array, "v d"], values: Int[Array, "r l"]) -> Float[Array, "r d"]:
    """The sum of each row's member embeddings.

    On a CPU it scans over the positions of the bag: an array (r, l, d) of all members costs about
    ten times as much there, forward and backward, and much memory. An accelerator would start some
    operations for each position, so it gathers all members at once.
    """
    beyond = jnp.where(values < 0, len(table), values)
    if not device_defaults.current().loops_over_bags:
        return table.at[beyond].get(mode="fill", fill_value=0).sum(axis=1)

    def add(total: Array, codes: Array) -> tuple[Array, None]:
        return total + table.at[codes].get(mode="fill", fill_value=0), None

    return jax.lax.scan(add, jnp.zeros((values.shape[0], table.shape[1]), table.dtype), beyond.T)[0]
