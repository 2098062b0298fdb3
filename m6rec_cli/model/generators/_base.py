"""What a file of this folder defines: a generator of candidate embeddings."""

from typing import Protocol, runtime_checkable

from flax import nnx
from jaxtyping import Array, Float

from m6rec_cli.config.settings import ModelConfig
from m6rec_cli.system.registry import Part


@runtime_checkable
class Generator(Protocol):
    """G(h, z), a candidate embedding from a context and noise (article 4.1.3)."""

    def __call__(self, h: Float[Array, "n d"], z: Float[Array, "n z"]) -> Float[Array, "n d"]:
        """Candidate embeddings."""
        ...


class GeneratorConstructor(Protocol):
    """How the model constructs a generator."""

    def __call__(self, config: ModelConfig, *, rngs: nnx.Rngs) -> Generator:
        """A generator with fresh parameters."""
        ...


@runtime_checkable
class GeneratorFile(Protocol):
    """A file of this folder."""

    Generator: GeneratorConstructor


GENERATORS = Part[GeneratorFile]("model.generators")
"""The generators, by `model.generator.kind`."""
