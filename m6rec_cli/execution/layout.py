"""How the arrays of training lie on devices: the layout of one device; `mesh` has that of many.

A layout places arrays, pads them until they divide evenly, and compiles the update of a training
state. Metadata says which arrays are item tables, never a name: `nnx.Param(..., item_table=True)`
in the model, `field(metadata=ITEM_TABLE)` in a dataclass. Arrays of the optimiser keep the metadata
of their parameters.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import Field, dataclass
from typing import ClassVar, Protocol, TypeVar

import jax
import numpy as np
from flax import nnx
from jax.stages import Wrapped

from m6rec_cli.model.recommender import Tokens
from m6rec_cli.system.shapes import Leaf, PRNGKey

ITEM_TABLE = {"item_table": True}
"""Metadata of an array that has a row for each item."""

T = TypeVar("T")


class BatchStack(Protocol):
    """The fields of a stack of training batches that have rows, (steps, rows, positions)."""

    __dataclass_fields__: ClassVar[dict[str, Field[object]]]

    @property
    def tokens(self) -> Tokens:
        """Packed histories."""
        ...

    @property
    def target(self) -> np.ndarray:
        """Item rows."""
        ...

    @property
    def weight(self) -> np.ndarray:
        """Weights of the targets."""
        ...


B = TypeVar("B", bound=BatchStack)
Update = Callable[..., tuple[T, dict[str, jax.Array]]]
"""`update(state, ...) -> (state, measurements)`."""


@dataclass(frozen=True)
class Layout:
    """One device: every method but `place_batches` returns its argument as it is.

    Attributes:
        n_items: Rows of an item table, without padding.
    """

    n_items: int

    @property
    def n_devices(self) -> int:
        """Devices that hold the arrays."""
        return 1

    @property
    def n_padding(self) -> int:
        """Rows appended to each item table so that it divides evenly."""
        return 0

    def __str__(self) -> str:
        return "1 device"

    def place(self, tree: T) -> T:
        """Put a pytree on the devices, its item tables padded and divided."""
        return tree

    def place_key(self, key: PRNGKey) -> PRNGKey:
        """Put a random key on the devices."""
        return key

    def place_batches(self, batches: B) -> B:
        """Put a stack of batches on the devices, their rows padded and divided."""
        return jax.device_put(batches)

    def place_users(self, x: np.ndarray) -> Leaf:
        """Put an array on the devices, its first axis, a multiple of `round_up(1)`, divided."""
        return x

    def round_up(self, n: int) -> int:
        """The least number of users or rows that divides evenly and is at least `n`."""
        return n

    def constrain_item_table(self, x: jax.Array) -> jax.Array:
        """Within a compiled function: pad and divide an array with a row for each item."""
        return x

    def compile_update(self, update: Update[T], state: T) -> Wrapped:
        """Compile an update; it takes over the memory of the state and keeps its placement."""
        return jax.jit(update, donate_argnums=0)

    def real_rows(
        self, is_table: dict[str, dict[str, bool]]
    ) -> dict[str, dict[str, dict[str, int]]]:
        """Metadata of a checkpoint that lets it be read without padding.

        Args:
            is_table: `item_tables` of the trees that are saved, by tree and name.

        Returns:
            `{"rows": {tree: {name: rows without padding}}}`, or nothing if no table is padded.
        """
        return {}


def item_tables(tree: T, inherited: bool = False) -> T:
    """The pytree with True for each item table and False for each other leaf.

    An empty array is no table: it stands for one that is not kept.

    Args:
        inherited: Whether the leaves belong to a node that is marked as an item table.
    """

    def mark(node: Leaf) -> Leaf:
        if isinstance(node, nnx.Variable):
            marked = inherited or node.get_metadata("item_table", False)
            return jax.tree.map(lambda x: marked and _has_rows(x), node)
        if dataclasses.is_dataclass(node):
            marks = {
                f.name: item_tables(
                    getattr(node, f.name), inherited or f.metadata.get("item_table", False)
                )
                for f in dataclasses.fields(node)
            }
            return type(node)(**marks)
        return inherited and _has_rows(node)

    return jax.tree.map(mark, tree, is_leaf=_carries_metadata)


def _carries_metadata(node: object) -> bool:
    return isinstance(node, nnx.Variable) or dataclasses.is_dataclass(node)


def _has_rows(x: Leaf) -> bool:
    return np.ndim(x) > 0 and len(x) > 0
