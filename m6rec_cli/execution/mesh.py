"""Where the arrays of training lie on many devices: a mesh with the axes `data` and `model`.

Batches are divided over `data`; whatever has a row for every item (id embeddings, biases, what the
optimiser keeps of them, features, the content cache) over `model`; the rest lies whole on every device.
XLA adds what the devices have to tell each other, but for the softmax (`sharded_softmax.py`). With one
device there is no mesh, and every method hands back what it was given.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from m6rec_cli.config.settings import TrainConfig
from m6rec_cli.execution.model_inputs import Tables
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.shapes import PRNGKey
from m6rec_cli.system.tokens import START

DATA, MODEL = "data", "model"
ITEM_TABLES = ("ids", "content")
"""Names of the arrays with a row for every item; the optimiser keeps arrays of the same names."""

T = TypeVar("T")


@dataclass(frozen=True)
class Layout:
    """A mesh, and how arrays are laid over it.

    Attributes:
        mesh: `None` if there is one device.
        n_items: Rows of the item tables; on the mesh they are filled up to a multiple of the `model` axis.
    """

    mesh: Mesh | None
    n_items: int

    @classmethod
    def of(cls, train: TrainConfig, n_items: int) -> "Layout":
        """The mesh that `train.data_parallel` and `train.model_parallel` ask for, over all devices of all processes.

        Raises:
            M6RecError: The devices cannot be divided so.
        """
        n = len(jax.devices())
        data, model = train.data_parallel, train.model_parallel
        if data * model > n or (
            n % model if data == 0 else data * model != n and jax.process_count() > 1
        ):
            raise M6RecError(
                f"`train.data_parallel` {data or 'auto'} times `train.model_parallel` {model} does not divide "
                f"the {n} {jax.default_backend()} device{'s' * (n != 1)}",
                where="--set",
                hint="leave `train.data_parallel` at 0, or make the product the number of devices",
            )
        data = data or n // model
        if data * model == 1:
            return cls(None, n_items)
        devices = np.array(jax.devices()[: data * model]).reshape(data, model)
        return cls(Mesh(devices, (DATA, MODEL), axis_types=(AxisType.Auto,) * 2), n_items)

    @property
    def fill(self) -> int:
        """Rows that the item tables have too many on the mesh."""
        return 0 if self.mesh is None else -self.n_items % self.mesh.shape[MODEL]

    def __str__(self) -> str:
        if self.mesh is None:
            return "1 device"
        return f"{self.mesh.size} devices (data {self.mesh.shape[DATA]}, model {self.mesh.shape[MODEL]})"

    def state(self, state: T) -> T:
        """Put a state on the mesh."""
        return self._each(state, lambda x, spec: self._put(self._filled(np.asarray(x), spec), spec))

    def shardings(self, state: Any) -> Any:
        """Where the leaves of a state lie; `None` if there is no mesh."""
        return (
            None
            if self.mesh is None
            else self._each(state, lambda x, spec: NamedSharding(self._mesh, spec))
        )

    def specs(self, state: Any) -> Any:
        """How the leaves of a state are divided."""
        return self._each(state, lambda x, spec: spec)

    def replicated(self) -> NamedSharding:
        """A whole copy on every device."""
        return NamedSharding(self._mesh, P())

    def tables(self, tables: Tables) -> Tables:
        """Divide what is known of items, put profiles on every device; rows that are too many have no feature."""
        if self.mesh is None:
            return tables
        users = jax.tree.map(lambda x: self._put(np.asarray(x), P()), tables.users)
        items, warm = jax.tree.map(
            lambda x: self._put(self._filled(np.asarray(x), P(MODEL)), P(MODEL)),
            (tables.items, tables.warm),
        )
        return Tables(items, users, warm)

    def rows_kept(self, trees: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """What a checkpoint's seal says of tables that are filled up: `{"rows": {tree: {name: real rows}}}`."""
        if self.fill == 0:
            return {}
        tables = {
            tree: {
                name: self.n_items
                for name, x in arrays.items()
                if name.rsplit(".", 1)[-1] in ITEM_TABLES and np.ndim(x) > 0
            }
            for tree, arrays in trees.items()
        }
        return {"rows": {tree: rows for tree, rows in tables.items() if rows}}

    def key(self, key: PRNGKey) -> PRNGKey:
        """Put a random key on every device."""
        if self.mesh is None:
            return key
        return jax.random.wrap_key_data(self._put(np.asarray(jax.random.key_data(key)), P()))

    def batches(self, batches: T) -> T:
        """Divide a stack of batches by rows, after filling it up with empty rows to a multiple of the `data` axis."""
        if self.mesh is None:
            return batches
        stack: Any = batches
        fill = -stack.target.shape[1] % self.mesh.shape[DATA]

        def rows(x: np.ndarray, blank: int = 0) -> jax.Array:
            return self._put(
                np.pad(x, [(0, 0), (0, fill), (0, 0)], constant_values=blank), P(None, DATA)
            )

        blanks = {"item": START, "reset": 1}
        tokens = {
            f.name: rows(getattr(stack.tokens, f.name), blanks.get(f.name, 0))
            for f in fields(stack.tokens)
        }
        whole = {
            f.name: self._put(x, P())
            for f in fields(stack)
            if isinstance(x := getattr(stack, f.name), np.ndarray)
        }
        divided = {"target": rows(stack.target), "weight": rows(stack.weight)}
        return replace(stack, tokens=replace(stack.tokens, **tokens), **(whole | divided))

    def multiple(self, n: int) -> int:
        """`n` rounded up to a multiple of the `data` axis."""
        return n if self.mesh is None else n + -n % self.mesh.shape[DATA]

    def rows(self, x: np.ndarray) -> Any:
        """Divide an array by its first axis, a multiple of the `data` axis."""
        return x if self.mesh is None else self._put(x, P(DATA))

    def table(self, x: jax.Array) -> jax.Array:
        """Within a compiled function: an array with a row for every item, as an item table."""
        if self.mesh is None:
            return x
        x = jnp.pad(x, [(0, self.n_items + self.fill - len(x))] + [(0, 0)] * (x.ndim - 1))
        return jax.lax.with_sharding_constraint(x, NamedSharding(self.mesh, P(MODEL)))

    @property
    def _mesh(self) -> Mesh:
        assert self.mesh is not None
        return self.mesh

    def _put(self, x: np.ndarray, spec: P) -> jax.Array:
        # Every process holds the whole array and hands out what its own devices are to have.
        return jax.make_array_from_callback(
            x.shape, NamedSharding(self._mesh, spec), lambda index: x[index]
        )

    def _filled(self, x: np.ndarray, spec: P) -> np.ndarray:
        return np.pad(x, [(0, self.fill)] + [(0, 0)] * (x.ndim - 1)) if spec == P(MODEL) else x

    def _each(self, tree: T, f: Callable[[Any, P], Any]) -> T:
        """Apply `f(leaf, spec)`; an item table is known by its name."""
        if self.mesh is None:
            return tree

        def one(path: tuple[Any, ...], x: Any) -> Any:
            names = {getattr(p, "key", getattr(p, "name", None)) for p in path}
            is_table = names & set(ITEM_TABLES) and np.ndim(x) > 0 and len(x) > 0
            return f(x, P(MODEL) if is_table else P())

        return jax.tree_util.tree_map_with_path(one, tree)
