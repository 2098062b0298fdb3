"""What a file of this folder defines: a recurrent cell."""

from typing import Protocol, runtime_checkable

from flax import nnx
from jaxtyping import Array, Float

from m6rec_cli.system.registry import Part
from m6rec_cli.system.shapes import BTD, BT_bool


@runtime_checkable
class Cell(Protocol):
    """One recurrent layer of the decoder, width d to d.

    Attributes:
        state_size: Numbers (s) in the state of one history.
    """

    state_size: int

    def __call__(
        self, x: BTD, reset: BT_bool, state: Float[Array, "b s"]
    ) -> tuple[BTD, Float[Array, "b t s"]]:
        """Outputs and states after every position.

        Args:
            x: Input vectors; a row may hold several histories end to end.
            reset: True at the first position of each history: the state before it counts as zero.
            state: The state before the first position of each row.
        """
        ...


class CellConstructor(Protocol):
    """How the decoder constructs a cell."""

    def __call__(self, width: int, *, scan: str, rngs: nnx.Rngs) -> Cell:
        """A cell with fresh parameters.

        Args:
            scan: How a linear recurrence runs, see `scan.linear_scan`; other cells ignore it.
        """
        ...


@runtime_checkable
class CellFile(Protocol):
    """A file of this folder."""

    Cell: CellConstructor


DECODERS = Part[CellFile]("model.decoders")
"""The recurrent cells, by `model.decoder.kind`."""
