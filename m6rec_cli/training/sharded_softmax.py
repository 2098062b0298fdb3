"""The exact cross-entropy over a mesh: positions divided over `data`, the catalogue over `model`.

Each device computes the logits of its positions against its items. The maximum, the norm and the
mean item of a tile are combined over `model`, the loss and the gradients of the items over `data`.
Item tables are never gathered: a device holds its own rows and one tile of positions.
"""

import functools

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec as P

from m6rec_cli.execution.mesh import DATA, MODEL, MeshLayout
from m6rec_cli.system.shapes import ID, ND, I, N, N_int, Scalar
from m6rec_cli.training import softmax
from m6rec_cli.training.softmax import SoftmaxOptions

_EXCLUDED_BIAS = -1e30


def cross_entropy(
    layout: MeshLayout,
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
    """As `softmax.cross_entropy`, on a mesh; rows beyond `layout.n_items` are excluded."""
    args = (candidates, items, bias, targets, weights)
    typical_targets = typical_targets and -(-typical_targets // layout.mesh.shape[DATA])
    return _loss(*args, layout, SoftmaxOptions(items_learn, bf16, typical_targets))


@functools.partial(jax.custom_vjp, nondiff_argnums=(5, 6))
def _loss(
    h: ND, e: ID, b: I, y: N_int, w: N, layout: MeshLayout, options: SoftmaxOptions
) -> Scalar:
    return _forward(h, e, b, y, w, layout, options._replace(items_learn=False))[0]


def _forward(
    h: ND, e: ID, b: I, y: N_int, w: N, layout: MeshLayout, options: SoftmaxOptions
) -> tuple[Scalar, tuple[jax.Array, ...]]:
    mesh = layout.mesh
    axis = MODEL if mesh.shape[MODEL] > 1 else None

    def part(h: ND, e: ID, b: I, y: N_int, w: N) -> tuple[jax.Array, ...]:
        first = jax.lax.axis_index(MODEL) * len(e)
        b = jnp.where(first + jnp.arange(len(e)) < layout.n_items, b, _EXCLUDED_BIAS)
        lse, dh, de = softmax.sum_log_normalizers(h, e, b, w, options, axis)
        row = y - first
        is_ours = (row >= 0) & (row < len(e))
        row = jnp.where(is_ours, row, len(e))  # beyond the end: read as zero, written nowhere
        true = jax.lax.psum(e.at[row].get(mode="fill", fill_value=0), MODEL)
        true_bias = jax.lax.psum(b.at[row].get(mode="fill", fill_value=0), MODEL)
        loss = lse - jnp.sum(w * ((h * true).sum(axis=-1) + true_bias))
        dh = dh - w[:, None] * true
        if options.items_learn:
            de = jax.lax.psum(de.at[row].add(-w[:, None] * h, mode="drop"), DATA)
        return jax.lax.psum(loss, DATA), dh, de

    total, dh, de = jax.shard_map(
        part,
        mesh=mesh,
        in_specs=(P(DATA), P(MODEL), P(MODEL), P(DATA), P(DATA)),
        out_specs=(P(), P(DATA), P(MODEL)),
        check_vma=False,
    )(h, e, b, y, w)
    return total, (dh, de)


def _backward(
    layout: MeshLayout, options: SoftmaxOptions, saved: tuple[jax.Array, ...], g: Scalar
) -> tuple[jax.Array | None, ...]:
    dh, de = saved
    return g * dh, g * de, None, None, None


_loss.defvjp(_forward, _backward)
