"""How much each target counts: more if its item is rare, nothing if its loss says that it is noise."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from m6rec_cli.system.shapes import N

NEVER = -1e9
"""The bias of an item that is not to compete: finite, since 0 * inf would be no number in the softmax's tiles."""


def tail(
    weight: np.ndarray, item_row: np.ndarray, popularity: np.ndarray, exponent: float
) -> np.ndarray:
    """Multiply the weights by popularity^-exponent, scaled so that the targets' factor is 1 on average.

    Args:
        weight: f32 (events,), 0 for events that are no targets.
        item_row: int (events,).
        popularity: Training events of each item.
    """
    if not exponent:
        return weight
    factor = np.maximum(popularity, 1)[item_row] ** -exponent
    return (weight * factor / factor[weight > 0].mean()).astype(np.float32)


def truncated(weights: N, losses: N, share: float, step: Int[Array, ""], after: int) -> N:
    """The weights, with 0 for the `share` of the targets that have the highest losses, from step `after` on.

    A truncated cross-entropy (Wang et al., 2021, arXiv 2006.04153): what a model that has learned the rule finds
    least likely is more often a random event than the rest.

    Args:
        weights: 0 where there is no target.
        losses: Of each position, finite.
    """
    real = weights > 0
    limit = jnp.nanquantile(jnp.where(real, losses, jnp.nan), 1 - share)
    kept = (losses <= limit) | (step < after)
    return jnp.where(kept, weights, 0)
