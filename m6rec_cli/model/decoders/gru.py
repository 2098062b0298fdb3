"""GRU (Cho et al. 2014, arXiv 1406.1078), with the reset gate applied after the matrix product."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from m6rec_cli.model.init import linear, orthogonal
from m6rec_cli.system.shapes import BTD, BT_bool


class Cell(nnx.Module):
    """The state is h, d numbers."""

    def __init__(self, width: int, *, scan: str, rngs: nnx.Rngs):
        self.inputs = linear(width, 3 * width, rngs=rngs)
        self.recurrent = linear(width, 3 * width, kernel=orthogonal(), rngs=rngs)
        self.out = linear(width, width, rngs=rngs)
        self.state_size = width

    def __call__(
        self, x: BTD, reset: BT_bool, state: Float[Array, "b s"]
    ) -> tuple[BTD, Float[Array, "b t s"]]:
        """Outputs and states after every position."""

        def step(h: Array, xs: tuple[Array, Array]) -> tuple[Array, Array]:
            projected, start = xs
            h = jnp.where(start[:, None], 0, h)
            xr, xz, xn = jnp.split(projected, 3, axis=-1)
            hr, hz, hn = jnp.split(self.recurrent(h), 3, axis=-1)
            z = jax.nn.sigmoid(xz + hz)
            h = (1 - z) * jnp.tanh(xn + jax.nn.sigmoid(xr + hr) * hn) + z * h
            return h, h

        _, h = jax.lax.scan(step, state, (self.inputs(x).swapaxes(0, 1), reset.swapaxes(0, 1)))
        h = h.swapaxes(0, 1)
        return self.out(h), h
