"""Modality towers and their fusion: features of an item or a user to one content vector.

content = s + MLP(s) with s = sum over modalities m of mask_m * 2 sigmoid(w_m . v_m + c_m) * v_m. The gates
start at 1 and the MLP at 0, so that the fusion begins as a plain masked sum.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from m6rec_cli.config.settings import ModelConfig
from m6rec_cli.model.init import linear, zeros
from m6rec_cli.model.layers import MLP, Keys
from m6rec_cli.system import registry
from m6rec_cli.system.feature_spec import FeatureSpec

Features = dict[str, tuple[Array, Array]]
"""Values (rows, ...) and mask bool (rows,) of each feature, by name, all of the same rows."""


class Fusion(nnx.Module):
    """One tower a feature and the gated sum.

    Args:
        specs: The features that are read, in a fixed order; may be empty.
    """

    def __init__(self, specs: tuple[FeatureSpec, ...], config: ModelConfig, *, rngs: nnx.Rngs):
        d = config.width
        self.names = tuple(spec.name for spec in specs)
        self.towers = nnx.List(
            [
                registry.load("model.encoders", spec.kind).Tower(spec, config, rngs=rngs)
                for spec in specs
            ]
        )
        self.gates = nnx.List([linear(d, 1, kernel=zeros, rngs=rngs) for _ in specs])
        if specs:
            self.mlp = MLP(d, d, d, activation=config.encoder.activation, zero=True, rngs=rngs)
        self.rate = config.modality_dropout

    def modalities(self, features: Features) -> tuple[Float[Array, "m r d"], Bool[Array, "m r"]]:
        """Each tower's vector, already gated, and the masks."""
        vectors, masks = [], []
        for name, tower, gate in zip(self.names, self.towers, self.gates, strict=True):
            values, mask = features[name]
            v = tower(values)
            vectors.append(2 * jax.nn.sigmoid(gate(v)) * v)
            masks.append(mask)
        return jnp.stack(vectors), jnp.stack(masks)

    def fuse(
        self, vectors: Float[Array, "m r d"], masks: Bool[Array, "m r"]
    ) -> Float[Array, "r d"]:
        """The masked sum and its MLP; rows without any modality get zero."""
        s = jnp.where(masks[..., None], vectors, 0).sum(axis=0)
        return jnp.where(masks.any(axis=0)[:, None], s + self.mlp(s), 0)

    def drop(self, masks: Bool[Array, "m r"], keys: Keys) -> Bool[Array, "m r"]:
        """Hide a modality of a row at random, in training."""
        key = keys()
        if key is None or self.rate == 0:
            return masks
        # Rows first: what a row draws does not depend on how many follow, of which a mesh adds some.
        return masks & jax.random.bernoulli(key, 1 - self.rate, masks.shape[::-1]).T

    def __call__(
        self, features: Features, keys: Keys
    ) -> tuple[Float[Array, "r d"], Bool[Array, " r"]]:
        """Content vectors, and which rows have any content."""
        vectors, masks = self.modalities(features)
        masks = self.drop(masks, keys)
        return self.fuse(vectors, masks), masks.any(axis=0)


def gather(features: Features, rows: Int[Array, " r"]) -> Features:
    """The features of some rows."""
    return {name: (values[rows], mask[rows]) for name, (values, mask) in features.items()}
