"""What a file of this folder provides: the tower of one feature kind."""

from typing import Protocol, runtime_checkable

from flax import nnx
from jaxtyping import Array, Float, Shaped

from m6rec_cli.config.settings import ModelConfig
from m6rec_cli.system.feature_spec import FeatureSpec
from m6rec_cli.system.registry import Part


@runtime_checkable
class Tower(Protocol):
    """Feature values of some rows to vectors of width d, each row on its own."""

    def __call__(self, values: Shaped[Array, "r *value"]) -> Float[Array, "r d"]:
        """One vector a row; masked rows may have any values, and their vectors are ignored."""
        ...


class TowerConstructor(Protocol):
    """How the fusion constructs a tower."""

    def __call__(self, spec: FeatureSpec, config: ModelConfig, *, rngs: nnx.Rngs) -> Tower:
        """A tower with fresh parameters."""
        ...


@runtime_checkable
class TowerFile(Protocol):
    """A file of this folder; its name is that of the feature kind."""

    Tower: TowerConstructor


TOWERS = Part[TowerFile]("model.encoders")
"""The towers, by feature kind."""
