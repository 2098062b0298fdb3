"""minGRU (Feng et al., 2024, arXiv 2410.01201): gates depend on the input alone, so it runs as a scan.

z_t = sigmoid(W_z x_t + b_z), h_t = (1 - z_t) h_(t-1) + z_t (W_h x_t + b_h); the article's per-step weights
W_t are one W for all steps, as in every recurrent network.
"""

import jax
from flax import nnx
from jaxtyping import Array, Float

from m6rec_cli.model.init import linear
from m6rec_cli.model.scan import linear_scan
from m6rec_cli.system.shapes import BTD, BT_bool


class Cell(nnx.Module):
    """One recurrent layer, width d to d.

    Attributes:
        state_size: Numbers that make up the state of one history.
    """

    def __init__(self, width: int, *, scan: str, rngs: nnx.Rngs):
        self.gate_and_value = linear(width, 2 * width, rngs=rngs)
        self.out = linear(width, width, rngs=rngs)
        self.scan, self.state_size = scan, width

    def __call__(
        self, x: BTD, reset: BT_bool, state: Float[Array, "b s"]
    ) -> tuple[BTD, Float[Array, "b t s"]]:
        """Outputs and the states after every position; a history starts where `reset` is True."""
        gate, value = jax.numpy.split(self.gate_and_value(x), 2, axis=-1)
        z = jax.nn.sigmoid(gate)
        decay = jax.numpy.where(reset[..., None], 0, 1 - z)
        h = linear_scan(decay, z * value, state, self.scan)
        return self.out(h), h
