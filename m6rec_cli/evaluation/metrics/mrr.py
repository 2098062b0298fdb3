"""Ranks to MRR: one over the place of the first true item."""

import numpy as np

from m6rec_cli.evaluation.metrics._base import Ranks

READS = "ranks"


def at(ranks: Ranks, k: int) -> np.ndarray:
    """The reciprocal rank of the user's best true item, 0 if none is among the first `k`.

    Returns:
        float64 (n_users,); NaN for a user without true items.
    """
    hit = ranks.rank < k
    best = np.zeros(ranks.n_users)
    np.maximum.at(best, ranks.user[hit], 1 / (ranks.rank[hit] + 1))
    return np.where(ranks.truths > 0, best, np.nan)
