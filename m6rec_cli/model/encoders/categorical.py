"""Categories to vectors: embedding, MLP."""

from flax import nnx
from jaxtyping import Array, Float, Int

from m6rec_cli.config import ModelConfig
from m6rec_cli.model.layers import MLP
from m6rec_cli.schema import FeatureSpec


class Tower(nnx.Module):
    """`values` i32 (r,) to (r, d)."""

    def __init__(self, spec: FeatureSpec, config: ModelConfig, *, rngs: nnx.Rngs):
        d = config.width
        self.table = nnx.Param(nnx.initializers.normal(1.0)(rngs.params(), (spec.size, d)))
        self.mlp = MLP(d, d, d, layers=config.encoder.layers, activation=config.encoder.activation, rngs=rngs)

    def __call__(self, values: Int[Array, " r"]) -> Float[Array, "r d"]:
        """Codes to vectors."""
        return self.mlp(self.table[...][values])
