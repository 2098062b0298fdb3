"""Ranks to hit rate: whether any true item is among the first k."""

import numpy as np

from m6rec_cli.evaluation.metrics._base import Ranks

READS = "ranks"


def at(ranks: Ranks, k: int) -> np.ndarray:
    """1 if one of the user's true items is among the first `k`, else 0; equals recall if there is one truth.

    Returns:
        float64 (n_users,); NaN for a user without true items.
    """
    return np.where(ranks.truths > 0, ranks.total(ranks.rank < k) > 0, np.nan)
