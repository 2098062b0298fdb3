"""Ranks to precision: the share of the first k places that are true items."""

import numpy as np

from m6rec_cli.evaluation.metrics._base import Ranks, ratio

READS = "ranks"


def at(ranks: Ranks, k: int) -> np.ndarray:
    """Hits among the first `k`, divided by `k` even if the list is shorter.

    Returns:
        float64 (n_users,); NaN for a user without true items.
    """
    return ratio(ranks.total(ranks.rank < k), np.where(ranks.truths > 0, k, 0))
