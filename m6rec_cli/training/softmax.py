"""Exact cross-entropy over the catalogue, in tiles, with its gradients built in the forward pass.

The softmax dominates the cost of training. Logits of a tile of positions are made once and turned into
the gradients of the candidates and of the items at once, so that nothing of size positions x catalogue
is kept for a backward pass: three matrix products in all, instead of the four of a rematerialised one.
Positions without a target (a history's first event, events without a label) come last, and their tiles are left out.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from m6rec_cli.system.shapes import ID, ND, I, N, N_int, Scalar
from m6rec_cli.training.precision import matmul

_TILE_FLOATS = 1 << 22
_LOG2_E = 1.4426950408889634


def tile_rows(n_targets: int, n_items: int) -> int:
    """Positions of a tile: their logits fill 16 MiB, with 64 to 512 positions (fewer if there are fewer).

    Fewer would make thin products that wait for memory, more would leave the cache. Within that, as many as fill
    the last tile with the `n_targets` positions that usually have a target.
    """
    wanted = max(64, min(512, _TILE_FLOATS // max(n_items, 1)))
    most = 1 << (wanted.bit_length() - 1)
    even = -(-n_targets // -(-n_targets // most))
    return min(n_targets, 8 * -(-even // 8))


class SoftmaxOptions(NamedTuple):
    """How the cross-entropy is computed; see `cross_entropy`."""

    items_learn: bool
    bf16: bool
    typical_targets: int | None


def cross_entropy(
    candidates: ND,
    items: ID,
    bias: I,
    targets: N_int,
    weights: N,
    *,
    items_learn: bool = True,
    bf16: bool = False,
    typical_targets: int | None = None,
) -> Scalar:
    """sum_n weight_n * -log softmax(<candidate_n, item_i> + bias_i)[target_n] (article 4.2.1, L_rec).

    Args:
        bias: Has no gradient: it says which items compete.
        items_learn: False saves the gradient of the items, when they are frozen.
        half: Multiply in bf16.
        usual: How many positions have a weight, or a few less, most of the time: the fewer, the fewer tiles. The
            result is that of any other number but for rounding.
    """
    return _loss(
        candidates,
        items,
        bias,
        targets,
        weights,
        SoftmaxOptions(items_learn, bf16, typical_targets),
    )


@functools.partial(jax.custom_vjp, nondiff_argnums=(5,))
def _loss(h: ND, e: ID, b: I, y: N_int, w: N, how: SoftmaxOptions) -> Scalar:
    def tile(total: Array, xs: tuple[Array, ...]) -> tuple[Array, None]:
        ht, wt = xs
        return total + jnp.sum(
            wt * jax.nn.logsumexp(matmul(ht, e.T, how.bf16) + b[None], axis=-1)
        ), None

    total, _ = jax.lax.scan(tile, jnp.zeros((), h.dtype), _tiles(tile_rows(len(h), len(e)), h, w))
    return total - jnp.sum(w * _true_logit(h, e, b, y))


def position_losses(candidates: ND, items: ID, bias: I, targets: N_int) -> N:
    """-log softmax(<candidate_n, item_i> + bias_i)[target_n] of each position, tile by tile; not for gradients."""

    def tile(_: None, h: Array) -> tuple[None, Array]:
        return None, jax.nn.logsumexp(h @ items.T + bias[None], axis=-1)

    tiles = _tiles(tile_rows(len(candidates), len(items)), candidates)
    lse = jax.lax.scan(tile, None, tiles[0])[1].reshape(-1)[: len(candidates)]
    return lse - _true_logit(candidates, items, bias, targets)


def _true_logit(h: ND, e: ID, b: I, y: N_int) -> N:
    return (h * e[y]).sum(axis=-1) + b[y]


def _tiles(size: int, *arrays: Array) -> tuple[Array, ...]:
    """Positions in tiles of equal size, the last one filled up with zeros (weight 0)."""
    count = -(-len(arrays[0]) // size)
    fill = count * size - len(arrays[0])
    padded = (jnp.pad(a, [(0, fill)] + [(0, 0)] * (a.ndim - 1)) for a in arrays)
    return tuple(a.reshape(count, size, *a.shape[1:]) for a in padded)


def _forward(
    h: ND, e: ID, b: I, y: N_int, w: N, how: SoftmaxOptions
) -> tuple[Scalar, tuple[Array, ...]]:
    lse, dh, de = sum_log_normalizers(h, e, b, w, how)
    total = lse - jnp.sum(w * _true_logit(h, e, b, y))
    dh = dh - w[:, None] * e[y]
    if not how.items_learn:
        return total, (dh, jnp.zeros_like(e))
    return total, (dh, de.T.at[y].add(-w[:, None] * h))


def sum_log_normalizers(
    h: ND, e: ID, b: I, w: N, how: SoftmaxOptions, over: str | None = None
) -> tuple[Scalar, ND, Float[Array, "d i"]]:
    """sum_n w_n * logsumexp_i(<h_n, e_i> + b_i) and its gradients, by what is fastest on a CPU.

    A column of ones on `h` and of biases on `e` put the bias into the first product, a column of ones on `e`
    puts the norm into the second. So each tile of p is read and written as few times as can be. The gradient of the items is gathered as (d, i): p.T @ h would take three times
    as long as h.T @ p.

    Args:
        how: Without `items_learn` the gradient of `e` stays zero.
        over: Axis of a mesh that the items are divided over; each device has some rows of `e` and `b` and
            gets their gradients, while the sum and the gradient of `h` are those of all.
    """
    (n, d), one = h.shape, jnp.ones((len(h), 1), h.dtype)
    wide = jnp.concatenate([e, b[:, None], jnp.ones_like(b[:, None])], axis=1)
    to_log2 = (wide * _LOG2_E).T  # powers of two cost less than powers of e
    order = jnp.argsort(w == 0, stable=True)
    columns = jnp.concatenate([h, one, jnp.zeros_like(one)], axis=1)[order]
    size = tile_rows(min(n, how.typical_targets or n), len(e))
    tiles, weights = _tiles(size, columns, w[order])

    def tile(i: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        (de, dh, total), ht, wt = carry, tiles[i], weights[i]
        logits = matmul(ht, to_log2, how.bf16)
        top = logits.max(axis=-1, keepdims=True)
        top = top if over is None else jax.lax.pmax(top, over)
        p = jnp.exp2(logits - top)
        mean = matmul(p, wide, how.bf16)
        mean = mean if over is None else jax.lax.psum(mean, over)
        norm = mean[:, d + 1]
        # The rows of h carry weight / norm into the third product, so that p is never rescaled as a whole.
        scale = (wt / norm)[:, None]
        if how.items_learn:
            de = de + matmul((scale * ht[:, :d]).T, p, how.bf16)
        total = total + jnp.sum(wt * (jnp.log(norm) + top[:, 0] / _LOG2_E))
        return de, dh.at[i].set(scale * mean[:, :d]), total

    start = (
        jnp.zeros((d, len(e)), h.dtype),
        jnp.zeros((*tiles.shape[:2], d), h.dtype),
        jnp.zeros((), h.dtype),
    )
    needed = -(-jnp.sum(w != 0) // size)
    de, dh, total = jax.lax.fori_loop(0, needed, tile, start)
    return total, jnp.zeros_like(h).at[order].set(dh.reshape(-1, d)[:n], unique_indices=True), de


def _backward(how: SoftmaxOptions, saved: tuple[Array, ...], g: Scalar) -> tuple[Array | None, ...]:
    dh, de = saved
    return g * dh, g * de, None, None, None


_loss.defvjp(_forward, _backward)


def sampled_cross_entropy(
    candidates: ND,
    items: ID,
    bias: I,
    targets: N_int,
    weights: N,
    negatives: Int[Array, " k"],
    log_expected: Float[Array, " k"],
) -> Scalar:
    """The weighted sum of `sampled_losses`."""
    return jnp.sum(
        weights * sampled_losses(candidates, items, bias, targets, negatives, log_expected)
    )


def sampled_losses(
    candidates: ND,
    items: ID,
    bias: I,
    targets: N_int,
    negatives: Int[Array, " k"],
    log_expected: Float[Array, " k"],
) -> N:
    """Cross-entropy against shared negatives with the log-Q correction (Bengio and Senecal, 2008).

    Args:
        negatives: Item rows, drawn with replacement.
        log_expected: Log of each negative's expected count among the draws; subtracted from its logit.
    """
    true = _true_logit(candidates, items, bias, targets)
    logits = candidates @ items[negatives].T + (bias[negatives] - log_expected)[None]
    # A negative that is the position's own target would punish the right answer.
    logits = jnp.where(negatives[None] == targets[:, None], -jnp.inf, logits)
    lse = jax.nn.logsumexp(jnp.concatenate([true[:, None], logits], axis=1), axis=-1)
    return lse - true
