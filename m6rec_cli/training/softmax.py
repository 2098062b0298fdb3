"""Exact cross-entropy over the catalogue, in tiles, with its gradients built in the forward pass.

The softmax dominates the cost of training. Logits of a tile of positions are made once and turned into
the gradients of the candidates and of the items at once, so that nothing of size positions x catalogue
is kept for a backward pass: three matrix products in all, instead of the four of a rematerialised one.
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from m6rec_cli.shapes import ID, ND, I, N, N_int, Scalar

TILE = 256
"""Positions of a tile; the tile's logits are TILE x catalogue floats."""


def cross_entropy(
    candidates: ND, items: ID, bias: I, targets: N_int, weights: N, *, items_learn: bool = True
) -> Scalar:
    """sum_n weight_n * -log softmax(<candidate_n, item_i> + bias_i)[target_n] (article 4.2.1, L_rec).

    Args:
        items_learn: False saves the gradient of the items and of the bias, when they are frozen.
    """
    return _loss(candidates, items, bias, targets, weights, items_learn)


@functools.partial(jax.custom_vjp, nondiff_argnums=(5,))
def _loss(h: ND, e: ID, b: I, y: N_int, w: N, items_learn: bool) -> Scalar:
    def tile(total: Array, xs: tuple[Array, ...]) -> tuple[Array, None]:
        ht, yt, wt = xs
        lse = jax.nn.logsumexp(ht @ e.T + b[None], axis=-1)
        return total + jnp.sum(wt * (lse - _true_logit(ht, e, b, yt))), None

    return jax.lax.scan(tile, jnp.zeros((), h.dtype), _tiles(h, y, w))[0]


def _true_logit(h: ND, e: ID, b: I, y: N_int) -> N:
    return (h * e[y]).sum(axis=-1) + b[y]


def _tiles(h: ND, y: N_int, w: N) -> tuple[Array, Array, Array]:
    """Positions in tiles of equal size, the last one filled up with weight 0."""
    n = len(h)
    size = min(TILE, n)
    count = -(-n // size)
    fill = count * size - n
    h, y, w = (jnp.pad(a, [(0, fill)] + [(0, 0)] * (a.ndim - 1)) for a in (h, y, w))
    return h.reshape(count, size, -1), y.reshape(count, size), w.reshape(count, size)


def _forward(h: ND, e: ID, b: I, y: N_int, w: N, items_learn: bool) -> tuple[Scalar, tuple[Array, ...]]:
    def tile(
        carry: tuple[Array, Array, Array], xs: tuple[Array, ...]
    ) -> tuple[tuple[Array, Array, Array], Array]:
        total, de, db = carry
        ht, yt, wt = xs
        logits = ht @ e.T + b[None]
        top = logits.max(axis=-1, keepdims=True)
        p = jnp.exp(logits - top)
        norm = p.sum(axis=-1, keepdims=True)
        total += jnp.sum(wt * (jnp.log(norm[:, 0]) + top[:, 0] - _true_logit(ht, e, b, yt)))
        # The rows of h carry weight / norm into the second product, so that p is never rescaled as a whole.
        scale = (wt / norm[:, 0])[:, None]
        dh = scale * (p @ e) - wt[:, None] * e[yt]
        if items_learn:
            de = (de + p.T @ (scale * ht)).at[yt].add(-wt[:, None] * ht)
            db = (db + scale[:, 0] @ p).at[yt].add(-wt)
        return (total, de, db), dh

    start = (jnp.zeros((), h.dtype), jnp.zeros_like(e), jnp.zeros_like(b))
    (total, de, db), dh = jax.lax.scan(tile, start, _tiles(h, y, w))
    return total, (dh.reshape(-1, h.shape[1])[: len(h)], de, db)


def _backward(items_learn: bool, saved: tuple[Array, ...], g: Scalar) -> tuple[Array | None, ...]:
    dh, de, db = saved
    return g * dh, g * de, g * db, None, None


_loss.defvjp(_forward, _backward)


def sampled_cross_entropy(
    candidates: ND, items: ID, bias: I, targets: N_int, weights: N,
    negatives: Int[Array, " k"], log_expected: Float[Array, " k"],
) -> Scalar:  # fmt: skip
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
    return jnp.sum(weights * (lse - true))
