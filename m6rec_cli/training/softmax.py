"""Candidates and targets to the cross-entropy over the catalogue, exact in tiles or sampled.

The softmax dominates the cost of training. The forward pass turns the logits of each tile of
positions into the gradients of candidates and items at once, so no array of positions x catalogue
is kept for a backward pass. It takes three matrix products, rematerialisation would take four.
Positions without a target (unlabelled events, padding) are sorted to the end, and their tiles are
skipped.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from m6rec_cli.system import device_defaults
from m6rec_cli.system.shapes import ID, ND, I, N, N_int, Scalar
from m6rec_cli.training.precision import matmul
from m6rec_cli.training.softmax_forms import augmented, plain


def tile_rows(n_targets: int, n_items: int) -> int:
    """Positions in a tile: as many as the defaults of the device allow, at most `n_targets`.

    On a CPU smaller tiles are bound by memory bandwidth, and larger ones leave the cache. The
    number is lowered until `n_targets` positions divide evenly.
    """
    defaults = device_defaults.current()
    least, most = defaults.softmax_rows
    wanted = max(least, min(most, defaults.softmax_floats // max(n_items, 1)))
    most = 1 << (wanted.bit_length() - 1)
    even = -(-n_targets // -(-n_targets // most))
    return min(n_targets, 8 * -(-even // 8))


class SoftmaxOptions(NamedTuple):
    """The options of `cross_entropy`."""

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
    """sum_n weight_n * -log softmax(<candidate_n, item_i> + bias_i)[target_n].

    This is L_rec of article 4.2.1, up to normalisation.

    Args:
        bias: Has no gradient; it excludes items.
        items_learn: False skips the gradient of frozen items.
        bf16: Multiply in bf16.
        typical_targets: Usual number of positions with a weight, by which tiles are sized. It
            changes the result by rounding alone.
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
def _loss(h: ND, e: ID, b: I, y: N_int, w: N, options: SoftmaxOptions) -> Scalar:
    def tile(total: Array, xs: tuple[Array, ...]) -> tuple[Array, None]:
        ht, wt = xs
        return total + jnp.sum(
            wt * jax.nn.logsumexp(matmul(ht, e.T, options.bf16) + b[None], axis=-1)
        ), None

    total, _ = jax.lax.scan(tile, jnp.zeros((), h.dtype), _tiles(tile_rows(len(h), len(e)), h, w))
    return total - jnp.sum(w * _true_logit(h, e, b, y))


def position_losses(candidates: ND, items: ID, bias: I, targets: N_int) -> N:
    """-log softmax(<candidate_n, item_i> + bias_i)[target_n]; not for gradients."""

    def tile(_: None, h: Array) -> tuple[None, Array]:
        return None, jax.nn.logsumexp(h @ items.T + bias[None], axis=-1)

    tiles = _tiles(tile_rows(len(candidates), len(items)), candidates)
    lse = jax.lax.scan(tile, None, tiles[0])[1].reshape(-1)[: len(candidates)]
    return lse - _true_logit(candidates, items, bias, targets)


def _true_logit(h: ND, e: ID, b: I, y: N_int) -> N:
    return (h * e[y]).sum(axis=-1) + b[y]


def _tiles(size: int, *arrays: Array) -> tuple[Array, ...]:
    """Positions in tiles of equal size, the last one padded with zeros (weight 0)."""
    count = -(-len(arrays[0]) // size)
    fill = count * size - len(arrays[0])
    padded = (jnp.pad(a, [(0, fill)] + [(0, 0)] * (a.ndim - 1)) for a in arrays)
    return tuple(a.reshape(count, size, *a.shape[1:]) for a in padded)


def _forward(
    h: ND, e: ID, b: I, y: N_int, w: N, options: SoftmaxOptions
) -> tuple[Scalar, tuple[Array, ...]]:
    lse, dh, de = sum_log_normalizers(h, e, b, w, options)
    total = lse - jnp.sum(w * _true_logit(h, e, b, y))
    dh = dh - w[:, None] * e[y]
    if not options.items_learn:
        return total, (dh, jnp.zeros_like(e))
    return total, (dh, de.at[y].add(-w[:, None] * h))


def sum_log_normalizers(
    h: ND, e: ID, b: I, w: N, options: SoftmaxOptions, axis: str | None = None
) -> tuple[Scalar, ND, ID]:
    """sum_n w_n * logsumexp_i(<h_n, e_i> + b_i) and its gradients, in the form for this device.

    Args:
        options: Without `items_learn` the gradient of `e` stays zero.
        axis: Mesh axis that divides the items. Each device has some rows of `e` and `b` and returns
            their gradients; the sum and the gradient of `h` cover all rows.
    """
    n, d = h.shape
    choose = augmented if device_defaults.current().augments_softmax else plain
    form = choose(h, e, b, items_learn=options.items_learn, bf16=options.bf16, axis=axis)
    order = jnp.argsort(w == 0, stable=True)
    size = tile_rows(min(n, options.typical_targets or n), len(e))
    tiles, weights = _tiles(size, form.rows[order], w[order])

    def tile(i: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        de, dh, total = carry
        found = form.tile(tiles[i], weights[i])
        if found.e_grad is not None:
            de = de + found.e_grad
        return de, dh.at[i].set(found.h_grad), total + found.log_normalizers

    start = form.e_grad, jnp.zeros((*tiles.shape[:2], d), h.dtype), jnp.zeros((), h.dtype)
    n_tiles = -(-jnp.sum(w != 0) // size)
    de, dh, total = jax.lax.fori_loop(0, n_tiles, tile, start)
    h_grad = jnp.zeros_like(h).at[order].set(dh.reshape(-1, d)[:n], unique_indices=True)
    return total, h_grad, form.to_items(de)


def _backward(
    options: SoftmaxOptions, saved: tuple[Array, ...], g: Scalar
) -> tuple[Array | None, ...]:
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
    """The weighted sum of `sampled_losses`, an estimate of `cross_entropy`."""
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
        log_expected: Log of the expected count of each negative; subtracted from its logit.
    """
    true = _true_logit(candidates, items, bias, targets)
    logits = candidates @ items[negatives].T + (bias[negatives] - log_expected)[None]
    # A negative equal to the target would penalise the right answer.
    logits = jnp.where(negatives[None] == targets[:, None], -jnp.inf, logits)
    lse = jax.nn.logsumexp(jnp.concatenate([true[:, None], logits], axis=1), axis=-1)
    return lse - true
