"""The recurrent decoder: token vectors to a context vector at each position (article 4.1.2).

Post-norm residual blocks of a recurrent cell and a feed-forward part: layer norm on the input and
after each residual sum; dropout on the input and on both branches.
"""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from m6rec_cli.config.settings import ModelConfig
from m6rec_cli.model.decoders._base import DECODERS
from m6rec_cli.model.init import layer_norm
from m6rec_cli.model.layers import MLP, Keys, dropout
from m6rec_cli.model.scan import resolve_method
from m6rec_cli.system.shapes import BTD, BT_bool, TokenIndex


class Block(nnx.Module):
    """x = LN(x + cell(x)); x = LN(x + MLP(x))."""

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs):
        d = config.width
        cell = DECODERS.load(config.decoder.kind).Cell
        self.cell = cell(d, scan=resolve_method(config.decoder.scan), rngs=rngs)
        self.norm_cell = layer_norm(d, rngs=rngs)
        self.mlp = MLP(d, config.decoder.expansion * d, d, activation="gelu", rngs=rngs)
        self.norm_mlp = layer_norm(d, rngs=rngs)
        self.rate = config.dropout

    def __call__(
        self,
        x: BTD,
        reset: BT_bool,
        state: Float[Array, "b s"],
        keys: Keys,
        at: TokenIndex | None = None,
    ) -> tuple[Float[Array, "... d"], Float[Array, "b t s"]]:
        """Outputs after every position, or (n, d) at the tokens `at`; the cell's states of all."""
        y, states = self.cell(x, reset, state)
        x, y = (x, y) if at is None else (x[at], y[at])
        x = self.norm_cell(x + dropout(y, self.rate, keys()))
        return self.norm_mlp(x + dropout(self.mlp(x), self.rate, keys())), states


class Decoder(nnx.Module):
    """The stack of blocks.

    Attributes:
        state_size: Numbers (s) in the state of one history, over all blocks.
    """

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs):
        self.norm_in = layer_norm(config.width, rngs=rngs)
        self.blocks = nnx.List([Block(config, rngs=rngs) for _ in range(config.decoder.layers)])
        self.state_size = sum(block.cell.state_size for block in self.blocks)
        self.rate = config.dropout

    def __call__(
        self,
        x: BTD,
        reset: BT_bool,
        state: Float[Array, "b s"] | None,
        keys: Keys,
        at: TokenIndex | None = None,
    ) -> tuple[Float[Array, "... d"], Float[Array, "... s"]]:
        """Context vectors and states after every position, or (n, d) and (n, s) at the tokens `at`.

        Args:
            x: Token vectors; a row may hold several histories end to end.
            reset: True at the first position of each history.
            state: The state before the first position of each row; `None` is zero.
            keys: Keys for dropout.
            at: The only tokens whose contexts are wanted; the last block then skips its
                feed-forward part at all others.
        """
        if state is None:
            state = jnp.zeros((x.shape[0], self.state_size), x.dtype)
        x = dropout(self.norm_in(x), self.rate, keys())
        first, states = 0, []
        for i, block in enumerate(self.blocks):
            size = block.cell.state_size
            last = i == len(self.blocks) - 1
            x, after = block(x, reset, state[:, first : first + size], keys, at if last else None)
            states.append(after if at is None else after[at])
            first += size
        return x, jnp.concatenate(states, axis=-1)
