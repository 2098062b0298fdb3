"""Weights of targets: more for rare items and small domains, 0 where a loss suggests noise."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from m6rec_cli.system.shapes import N

EXCLUDED_BIAS = -1e9
"""The logit bias of an item outside the softmax; finite, since 0 * inf would be NaN."""


def rarity_factors(item_row: np.ndarray, popularity: np.ndarray, exponent: float) -> np.ndarray:
    """The popularity of each event's item to the power of `-exponent`, f64 (events,).

    Args:
        item_row: int (events,).
        popularity: Training events of each item.
    """
    return np.maximum(popularity, 1)[item_row] ** -exponent


def domain_factors(n_targets: np.ndarray, exponent: float) -> np.ndarray:
    """The factor of the targets of each domain, f64 (domains,); 1 on average over all targets.

    Args:
        n_targets: Targets of each domain.
    """
    factors = np.maximum(n_targets, 1.0) ** -exponent
    return factors * n_targets.sum() / (factors * n_targets).sum()


def rarity(popularity: np.ndarray) -> np.ndarray:
    """1 - popularity percentile of each item, f32 (i,): near 1 if few events are of rarer items.

    Args:
        popularity: Training events of each item.
    """
    values, group = np.unique(popularity, return_inverse=True)
    events = np.bincount(group, popularity, minlength=len(values))
    below = (np.cumsum(events) - events / 2) / max(events.sum(), 1)
    return (1 - below[group]).astype(np.float32)


def truncate_losses(weights: N, losses: N, share: float, step: Int[Array, ""], after: int) -> N:
    """Set the weights of the `share` of targets with the highest losses to 0, from step `after` on.

    Truncated cross-entropy (Wang et al., 2021, arXiv 2006.04153): the targets that a trained model
    finds least likely are more often noise than the others.

    Args:
        weights: 0 where there is no target.
        losses: Finite, one for each position.
    """
    real = weights > 0
    limit = jnp.nanquantile(jnp.where(real, losses, jnp.nan), 1 - share)
    kept = (losses <= limit) | (step < after)
    return jnp.where(kept, weights, 0)
