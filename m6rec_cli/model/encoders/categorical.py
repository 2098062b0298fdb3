"""Category codes to vectors: an embedding bag with one member."""

from jaxtyping import Array, Float, Int

from m6rec_cli.model.encoders._bag import Bag


class Tower(Bag):
    """`values` i32 (r,) to (r, d)."""

    def __call__(self, values: Int[Array, " r"]) -> Float[Array, "r d"]:
        """Codes to vectors."""
        return super().__call__(values[:, None])
