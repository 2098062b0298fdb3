"""Ranks to recall: the share of a user's true items that are among the first k."""

import numpy as np

from m6rec_cli.evaluation.metrics._base import Ranks, ratio

READS = "ranks"


def at(ranks: Ranks, k: int) -> np.ndarray:
    """Hits among the first `k`, divided by all the user's true items (not by k if there are more).

    Returns:
        float64 (n_users,); NaN for a user without true items.
    """
    return ratio(ranks.total(ranks.rank < k), ranks.truths)
