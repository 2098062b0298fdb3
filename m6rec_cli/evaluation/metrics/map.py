"""Ranks to MAP: the precision at each hit, averaged over a user's true items."""

import numpy as np

from m6rec_cli.evaluation.metrics._base import Ranks, ratio

READS = "ranks"


def at(ranks: Ranks, k: int) -> np.ndarray:
    """Average precision cut at `k`, divided by all the user's true items (as TREC does).

    Returns:
        float64 (n_users,); NaN for a user without true items.
    """
    order = np.lexsort((ranks.rank, ranks.user))
    rank, user = ranks.rank[order], ranks.user[order]
    hits_so_far = np.arange(len(rank)) - (np.cumsum(ranks.truths) - ranks.truths)[user] + 1
    precision = np.where(rank < k, hits_so_far / (rank + 1), 0.0)
    return ratio(np.bincount(user, precision, minlength=ranks.n_users), ranks.truths)
