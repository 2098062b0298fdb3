"""One tile of the softmax over the catalogue, with its gradients, in the form that suits a device.

Both forms make three matrix products. On a CPU (`augmented`) a column of ones on `h` and one of
biases on `e` put the bias into the first product, and a column of ones on `e` puts the norm into
the second: each tile of probabilities is read and written as rarely as possible. The gradient of
the items is (d, i) there: p.T @ h would take three times as long as h.T @ p. An accelerator
(`plain`) fuses the additions and sums, but its units multiply rows of d + 2 numbers more slowly
than rows of d, and transposing whole tables costs it a pass over them.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from m6rec_cli.system.shapes import ID, ND, I, N, Scalar
from m6rec_cli.training.precision import einsum, matmul

_LOG2_E = 1.4426950408889634


class TileResult(NamedTuple):
    """What a tile of positions adds.

    Attributes:
        log_normalizers: sum_n w_n * logsumexp_i(<h_n, e_i> + b_i).
        h_grad: Its gradient to the positions.
        e_grad: Its gradient to the items, in the shape of `SoftmaxForm.e_grad`; None if they are
            frozen.
    """

    log_normalizers: Scalar
    h_grad: ND
    e_grad: jax.Array | None


class SoftmaxForm(NamedTuple):
    """How the tiles are computed.

    Attributes:
        rows: What a tile reads of each position, (n, ...).
        tile: Some of `rows` and their weights to the result.
        e_grad: Zeros in the shape of the gradient of the items.
        to_items: That gradient to (i, d).
    """

    rows: jax.Array
    tile: Callable[[jax.Array, N], TileResult]
    e_grad: jax.Array
    to_items: Callable[[jax.Array], ID]


def augmented(
    h: ND, e: ID, b: I, *, items_learn: bool, bf16: bool, axis: str | None
) -> SoftmaxForm:
    """The form for a CPU."""
    d, one = h.shape[1], jnp.ones((len(h), 1), h.dtype)
    wide = jnp.concatenate([e, b[:, None], jnp.ones_like(b[:, None])], axis=1)
    to_log2 = (wide * _LOG2_E).T  # powers of two cost less than powers of e

    def tile(ht: jax.Array, wt: N) -> TileResult:
        logits = matmul(ht, to_log2, bf16)
        top = logits.max(axis=-1, keepdims=True)
        top = top if axis is None else jax.lax.pmax(top, axis)
        p = jnp.exp2(logits - top)
        mean = matmul(p, wide, bf16)
        mean = mean if axis is None else jax.lax.psum(mean, axis)
        norm = mean[:, d + 1]
        # The rows of h carry weight / norm into the third product, so that p is never rescaled.
        scale = (wt / norm)[:, None]
        e_grad = matmul((scale * ht[:, :d]).T, p, bf16) if items_learn else None
        total = jnp.sum(wt * (jnp.log(norm) + top[:, 0] / _LOG2_E))
        return TileResult(total, scale * mean[:, :d], e_grad)

    rows = jnp.concatenate([h, one, jnp.zeros_like(one)], axis=1)
    return SoftmaxForm(rows, tile, jnp.zeros((d, len(e)), h.dtype), jnp.transpose)


def plain(h: ND, e: ID, b: I, *, items_learn: bool, bf16: bool, axis: str | None) -> SoftmaxForm:
    """The form for an accelerator."""

    def tile(ht: jax.Array, wt: N) -> TileResult:
        logits = einsum("nd,id->ni", ht, e, bf16) + b[None]
        top = logits.max(axis=-1, keepdims=True)
        top = top if axis is None else jax.lax.pmax(top, axis)
        p = jnp.exp(logits - top)
        norm, mean = p.sum(axis=-1), einsum("ni,id->nd", p, e, bf16)
        norm, mean = (norm, mean) if axis is None else jax.lax.psum((norm, mean), axis)
        scale = (wt / norm)[:, None]
        e_grad = einsum("ni,nd->id", p, scale * ht, bf16) if items_learn else None
        return TileResult(jnp.sum(wt * (jnp.log(norm) + top[:, 0])), scale * mean, e_grad)

    return SoftmaxForm(h, tile, jnp.zeros_like(e), lambda e_grad: e_grad)
