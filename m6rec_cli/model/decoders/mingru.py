"""minGRU (Feng et al. 2024, arXiv 2410.01201), a linear recurrence: gates read the input alone.

z_t = sigmoid(W_z x_t + b_z), h_t = (1 - z_t) h_(t-1) + z_t (W_h x_t + b_h). The article writes
weights W_t of each step; as in every recurrent network, they are the same for all steps.
"""

import jax
from flax import nnx
from jaxtyping import Array, Float

from m6rec_cli.model.init import linear
from m6rec_cli.model.scan import linear_scan
from m6rec_cli.system.shapes import BTD, BT_bool


class Cell(nnx.Module):
    """The state is h, d numbers."""

    def __init__(self, width: int, *, scan: str, rngs: nnx.Rngs):
        self.gate_and_value = linear(width, 2 * width, rngs=rngs)
        self.out = linear(width, width, rngs=rngs)
        self.scan, self.state_size = scan, width

    def __call__(
        self, x: BTD, reset: BT_bool, state: Float[Array, "b s"]
    ) -> tuple[BTD, Float[Array, "b t s"]]:
        """Outputs and states after every position."""
        gate, value = jax.numpy.split(self.gate_and_value(x), 2, axis=-1)
        z = jax.nn.sigmoid(gate)
        decay = jax.numpy.where(reset[..., None], 0, 1 - z)
        h = linear_scan(decay, z * value, state, self.scan)
        return self.out(h), h
