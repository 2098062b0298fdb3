"""Logits to slates of catalogue items that let a gradient through, real slates, and rewards.

A slate is a set of items, listed in the order in which they were drawn. Straight-through sampling
(Jang et al., 2017, arXiv 1611.01144): forward, a sampled item is a row of the catalogue; backward,
it is the softmax's mean over all rows. Without replacement (Kool et al., 2019, arXiv 1903.06059):
the items of a slate are the k highest logits after Gumbel noise.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from m6rec_cli.system.shapes import ND, BT_bool, BT_int, N, PRNGKey

Logits = Float[Array, "n i"]


class NextItems(NamedTuple):
    """The next k labelled items after each position; `mask` is False where there are fewer."""

    rows: Int[Array, "n k"]
    mask: Bool[Array, "n k"]


def next_items(target: BT_int, is_target: BT_bool, reset: BT_bool, k: int) -> NextItems:
    """The targets of each position and of the k - 1 after it, within one history.

    Args:
        reset: True at the first token of each history.
    """
    positions = jnp.arange(target.shape[1])
    history = jnp.cumsum(reset, axis=1)
    rows, masks = [], []
    for ahead in range(k):
        at = jnp.minimum(positions + ahead, target.shape[1] - 1)
        is_inside = (positions + ahead < target.shape[1])[None] & (history[:, at] == history)
        rows.append(target[:, at].reshape(-1))
        masks.append((is_target[:, at] & is_inside).reshape(-1))
    return NextItems(jnp.stack(rows, axis=1), jnp.stack(masks, axis=1))


def sample(
    logits: Logits, values: Float[Array, "i f"], k: int, key: PRNGKey
) -> Float[Array, "n k f"]:
    """Draw k different items for each row of logits and read their rows of `values`.

    Backward, the j-th item is the mean of `values` under the softmax of the items that are left.
    """
    left = logits + jax.random.gumbel(key, logits.shape)
    row = jnp.arange(len(logits))
    drawn = []
    for _ in range(k):
        mean, chosen = jax.nn.softmax(left, axis=-1) @ values, jnp.argmax(left, axis=-1)
        drawn.append(values[chosen] + (mean - jax.lax.stop_gradient(mean)))
        left = left.at[row, chosen].set(-jnp.inf)
    return jnp.stack(drawn, axis=1)


def mean_pairs(
    logits: Logits, values: Float[Array, "i f"], target: Int[Array, " n"], key: PRNGKey
) -> tuple[Float[Array, "n f"], Float[Array, "n f"]]:
    """Real and generated means of `values`, both with the same weights.

    The weights of a generated mean are the softmax of the logits after Gumbel noise. The real mean
    swaps the weight of the target with the largest one, so that it is just as smooth.
    """
    weights = jax.nn.softmax(logits + jax.random.gumbel(key, logits.shape), axis=-1)
    fake, top = weights @ values, jnp.argmax(weights, axis=-1)
    row = jnp.arange(len(logits))
    gap = (weights[row, top] - weights[row, target])[:, None]
    real = fake + gap * (values[target] - values[top])
    return jax.lax.stop_gradient(real), fake


def diversity(slates: Float[Array, "n k d"]) -> N:
    """1 - mean cosine over the pairs of items of a slate.

    Args:
        slates: Embeddings with mean square 1, for k of at least 2.
    """
    k, d = slates.shape[1:]
    total = jnp.sum(jnp.sum(slates, axis=1) ** 2, axis=-1) / d
    return 1 - (total - jnp.sum(slates**2, axis=(1, 2)) / d) / (k * (k - 1))


def calibration(slates: Float[Array, "n k d"], history: ND) -> N:
    """Minus the squared distance of a slate's mean embedding from that of the history, over d.

    Args:
        history: From `history_means`; a row of zeros stands for no history and gives 0.
    """
    distance = jnp.mean((slates.mean(axis=1) - history) ** 2, axis=-1)
    return jnp.where(jnp.any(history != 0, axis=-1), -distance, 0)


def history_means(values: Float[Array, "i d"], item: BT_int, reset: BT_bool) -> ND:
    """Mean row of `values` over the items of each history up to each position; zeros without any.

    Args:
        item: Item rows; negative at the first token of a history and in the padding.
    """
    is_item = (item >= 0)[..., None]
    read = jnp.where(is_item, values[jnp.maximum(item, 0)], 0)
    sums = jnp.cumsum(jnp.concatenate([read, is_item.astype(read.dtype)], axis=-1), axis=1)
    start = jax.lax.cummax(jnp.where(reset, jnp.arange(item.shape[1])[None], 0), axis=1)
    # The first token of a history is no item; before a reset in a row the history is another.
    sums = sums - jnp.where(
        (start > 0)[..., None], jnp.take_along_axis(sums, start[..., None], axis=1), 0
    )
    means = sums[..., :-1] / jnp.maximum(sums[..., -1:], 1)
    return means.reshape(-1, values.shape[1])
