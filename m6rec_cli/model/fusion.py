"""Features of an item or a user to one content vector: a tower for each feature, then gated fusion.

content = s + MLP(s) with s = sum over modalities m of mask_m * 2 sigmoid(w_m . v_m + c_m) * v_m,
where v_m is the output of the tower. Gates start at 1 and the MLP at 0: fusion starts as a masked
sum.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from m6rec_cli.config.settings import ModelConfig
from m6rec_cli.model.encoders._base import TOWERS
from m6rec_cli.model.init import linear, zeros
from m6rec_cli.model.layers import MLP, Keys
from m6rec_cli.system.feature_spec import FeatureSpec

Features = dict[str, tuple[Array, Array]]
"""Values (r, ...) and mask bool (r,) of each feature by name; the rows are the same in all."""


class Fusion(nnx.Module):
    """The towers and their gated sum.

    Args:
        specs: The features that the model reads; may be empty.
    """

    def __init__(self, specs: tuple[FeatureSpec, ...], config: ModelConfig, *, rngs: nnx.Rngs):
        d = config.width
        self.names = tuple(spec.name for spec in specs)
        self.towers = nnx.List(
            [TOWERS.load(spec.kind).Tower(spec, config, rngs=rngs) for spec in specs]
        )
        self.gates = nnx.List([linear(d, 1, kernel=zeros, rngs=rngs) for _ in specs])
        if specs:
            self.mlp = MLP(d, d, d, activation=config.encoder.activation, zero_init=True, rngs=rngs)
        self.rate = config.modality_dropout

    def modality_vectors(
        self, features: Features
    ) -> tuple[Float[Array, "m r d"], Bool[Array, "m r"]]:
        """Gated output of each tower, and the masks."""
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
        """The masked sum and its MLP; rows without any modality give 0."""
        s = jnp.where(masks[..., None], vectors, 0).sum(axis=0)
        return jnp.where(masks.any(axis=0)[:, None], s + self.mlp(s), 0)

    def drop_modalities(self, masks: Bool[Array, "m r"], keys: Keys) -> Bool[Array, "m r"]:
        """Mask modalities of rows at random, in training."""
        key = keys()
        if key is None or self.rate == 0:
            return masks
        # Rows are the first axis: padding rows of a mesh do not change the draws of real rows.
        return masks & jax.random.bernoulli(key, 1 - self.rate, masks.shape[::-1]).T

    def __call__(
        self, features: Features, keys: Keys
    ) -> tuple[Float[Array, "r d"], Bool[Array, " r"]]:
        """Content vectors, and whether each row has any content."""
        vectors, masks = self.modality_vectors(features)
        masks = self.drop_modalities(masks, keys)
        return self.fuse(vectors, masks), masks.any(axis=0)


def gather_rows(features: Features, rows: Int[Array, " r"]) -> Features:
    """The features of some rows."""
    return {name: (values[rows], mask[rows]) for name, (values, mask) in features.items()}
