"""LSTM (Hochreiter and Schmidhuber 1997), forget gate biased by 1 (Jozefowicz et al. 2015)."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from m6rec_cli.model.init import linear, orthogonal
from m6rec_cli.system.shapes import BTD, BT_bool


class Cell(nnx.Module):
    """The state is the pair (h, c), 2 d numbers."""

    def __init__(self, width: int, *, scan: str, rngs: nnx.Rngs):
        self.inputs = linear(width, 4 * width, rngs=rngs)
        self.recurrent = linear(width, 4 * width, bias=False, kernel=orthogonal(), rngs=rngs)
        self.out = linear(width, width, rngs=rngs)
        self.state_size = 2 * width

    def __call__(
        self, x: BTD, reset: BT_bool, state: Float[Array, "b s"]
    ) -> tuple[BTD, Float[Array, "b t s"]]:
        """Outputs and states after every position."""

        def step(hc: Array, xs: tuple[Array, Array]) -> tuple[Array, Array]:
            projected, start = xs
            h, c = jnp.split(jnp.where(start[:, None], 0, hc), 2, axis=-1)
            i, f, g, o = jnp.split(projected + self.recurrent(h), 4, axis=-1)
            c = jax.nn.sigmoid(f + 1) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            hc = jnp.concatenate([jax.nn.sigmoid(o) * jnp.tanh(c), c], axis=-1)
            return hc, hc

        _, hc = jax.lax.scan(step, state, (self.inputs(x).swapaxes(0, 1), reset.swapaxes(0, 1)))
        hc = hc.swapaxes(0, 1)
        return self.out(hc[..., : hc.shape[-1] // 2]), hc
