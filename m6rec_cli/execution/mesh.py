"""The layout of many devices: a mesh with the axes `data` and `model`.

Batches are divided over `data`; arrays with a row for each item (id embeddings, their optimiser
state, features, the content cache) over `model`; all others are replicated. XLA adds the
communication, except in the operations over the whole catalogue, which use `shard_map`.
"""

from dataclasses import dataclass, fields, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P
from jax.stages import Wrapped

from m6rec_cli.config.settings import TrainConfig
from m6rec_cli.execution.layout import B, Layout, T, Update, item_tables
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.shapes import Leaf, PRNGKey
from m6rec_cli.system.tokens import START

DATA, MODEL = "data", "model"


def layout_of(train: TrainConfig, n_items: int) -> Layout:
    """The layout that `train.data_parallel` and `train.model_parallel` ask for, over all processes.

    Raises:
        M6RecError: The number of devices does not allow it.
    """
    n = len(jax.devices())
    data, model = train.data_parallel, train.model_parallel
    if data * model > n or (
        n % model if data == 0 else data * model != n and jax.process_count() > 1
    ):
        raise M6RecError(
            f"`train.data_parallel` {data or 'auto'} times `train.model_parallel` {model} "
            f"does not divide the {n} {jax.default_backend()} device{'s' * (n != 1)}",
            where="--set",
            hint="leave `train.data_parallel` at 0, or make the product the number of devices",
        )
    data = data or n // model
    if data * model == 1:
        return Layout(n_items)
    devices = np.array(jax.devices()[: data * model]).reshape(data, model)
    return MeshLayout(n_items, Mesh(devices, (DATA, MODEL), axis_types=(AxisType.Auto,) * 2))


@dataclass(frozen=True)
class MeshLayout(Layout):
    """Arrays divided over a mesh.

    Attributes:
        mesh: Its item tables are padded to a multiple of the `model` axis.
    """

    mesh: Mesh

    @property
    def n_devices(self) -> int:
        """Devices of the mesh."""
        return self.mesh.size

    @property
    def n_padding(self) -> int:
        """Rows appended to each item table to make a multiple of the `model` axis."""
        return -self.n_items % self.mesh.shape[MODEL]

    def __str__(self) -> str:
        shape = self.mesh.shape
        return f"{self.mesh.size} devices (data {shape[DATA]}, model {shape[MODEL]})"

    def specs(self, tree: T) -> T:
        """The pytree with the partition of each leaf."""
        return jax.tree.map(lambda is_table: P(MODEL) if is_table else P(), item_tables(tree))

    def place(self, tree: T) -> T:
        """Pad and divide item tables, replicate all other arrays."""

        def put(x: Leaf, is_table: bool) -> jax.Array:
            x = np.asarray(x)
            if not is_table:
                return self._put(x, P())
            return self._put(np.pad(x, self._padding(x.ndim, self.n_padding)), P(MODEL))

        return jax.tree.map(put, tree, item_tables(tree))

    def place_key(self, key: PRNGKey) -> PRNGKey:
        """Replicate a random key."""
        return jax.random.wrap_key_data(self._put(np.asarray(jax.random.key_data(key)), P()))

    def place_batches(self, batches: B) -> B:
        """Divide the rows of a stack of batches, padded with empty rows to divide evenly."""
        padding = -batches.target.shape[1] % self.mesh.shape[DATA]

        def rows(x: np.ndarray, blank: int = 0) -> jax.Array:
            padded = np.pad(x, [(0, 0), (0, padding), (0, 0)], constant_values=blank)
            return self._put(padded, P(None, DATA))

        blanks = {"item": START, "reset": 1}
        tokens = {
            f.name: rows(getattr(batches.tokens, f.name), blanks.get(f.name, 0))
            for f in fields(batches.tokens)
        }
        replicated = {
            f.name: self._put(x, P())
            for f in fields(batches)
            if isinstance(x := getattr(batches, f.name), np.ndarray)
        }
        divided = {"target": rows(batches.target), "weight": rows(batches.weight)}
        return replace(batches, tokens=replace(batches.tokens, **tokens), **(replicated | divided))

    def place_users(self, x: np.ndarray) -> jax.Array:
        """Divide an array by its first axis, a multiple of the `data` axis."""
        return self._put(x, P(DATA))

    def round_up(self, n: int) -> int:
        """`n` rounded up to a multiple of the `data` axis."""
        return n + -n % self.mesh.shape[DATA]

    def constrain_item_table(self, x: jax.Array) -> jax.Array:
        """Within a compiled function: pad and divide an array with a row for each item."""
        x = jnp.pad(x, self._padding(x.ndim, self.n_items + self.n_padding - len(x)))
        return jax.lax.with_sharding_constraint(x, NamedSharding(self.mesh, P(MODEL)))

    def compile_update(self, update: Update[T], state: T) -> Wrapped:
        """As on one device; the new state is divided as the old one, other results replicated."""
        shardings = jax.tree.map(lambda spec: NamedSharding(self.mesh, spec), self.specs(state))
        out = (shardings, NamedSharding(self.mesh, P()))
        return jax.jit(update, donate_argnums=0, out_shardings=out)

    def real_rows(
        self, is_table: dict[str, dict[str, bool]]
    ) -> dict[str, dict[str, dict[str, int]]]:
        """`{"rows": {tree: {name: rows without padding}}}`, or nothing if no table is padded."""
        if self.n_padding == 0:
            return {}
        rows = {
            tree: {name: self.n_items for name, marked in marks.items() if marked}
            for tree, marks in is_table.items()
        }
        return {"rows": {tree: names for tree, names in rows.items() if names}}

    @staticmethod
    def _padding(n_axes: int, n_rows: int) -> list[tuple[int, int]]:
        """The argument of `pad` that appends rows of zeros."""
        return [(0, n_rows)] + [(0, 0)] * (n_axes - 1)

    def _put(self, x: np.ndarray, spec: P) -> jax.Array:
        # Every process holds the whole array and hands its own devices their parts.
        return jax.make_array_from_callback(
            x.shape, NamedSharding(self.mesh, spec), lambda index: x[index]
        )
