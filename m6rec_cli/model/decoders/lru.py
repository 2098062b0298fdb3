"""Linear recurrent unit (Orvieto et al. 2023, arXiv 2303.06349), complex and diagonal.

h_t = lambda * h_(t-1) + gamma * (B x_t), y_t = Re(C h_t) + D x_t with |lambda| = exp(-exp(nu)) < 1
and gamma = sqrt(1 - |lambda|^2). The state holds the real parts, then the imaginary parts.
"""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from m6rec_cli.model.init import full, linear
from m6rec_cli.model.scan import linear_scan
from m6rec_cli.system.shapes import BTD, BT_bool

_R_MIN, _R_MAX = 0.5, 0.99


class Cell(nnx.Module):
    """The state is d complex numbers as 2 d real ones."""

    def __init__(self, width: int, *, scan: str, rngs: nnx.Rngs):
        radius, phase = jax.random.uniform(rngs.params(), (2, width))
        squared = radius * (_R_MAX**2 - _R_MIN**2) + _R_MIN**2
        self.nu = nnx.Param(jnp.log(-0.5 * jnp.log(squared)))
        self.theta = nnx.Param(np.pi / 8 * phase)
        self.into = linear(width, 2 * width, bias=False, rngs=rngs)
        self.out = linear(2 * width, width, rngs=rngs)
        self.skip = nnx.Param(full((width,), 1.0))
        self.scan, self.state_size = scan, 2 * width

    def __call__(
        self, x: BTD, reset: BT_bool, state: Float[Array, "b s"]
    ) -> tuple[BTD, Float[Array, "b t s"]]:
        """Outputs and states after every position."""
        decay = jnp.exp(-jnp.exp(self.nu[...]))
        lam = jax.lax.complex(decay * jnp.cos(self.theta[...]), decay * jnp.sin(self.theta[...]))
        gamma = jnp.sqrt(1 - decay**2)
        real, imag = jnp.split(self.into(x), 2, axis=-1)
        driven = jax.lax.complex(gamma[None, None] * real, gamma[None, None] * imag)
        a = jnp.where(reset[..., None], 0, lam[None, None])
        h0 = jax.lax.complex(*jnp.split(state, 2, axis=-1))
        h = linear_scan(a, driven, h0, self.scan)
        parts = jnp.concatenate([h.real, h.imag], axis=-1)
        return self.out(parts) + self.skip[...][None, None] * x, parts
