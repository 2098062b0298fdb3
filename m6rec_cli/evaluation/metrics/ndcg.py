"""Ranks to NDCG: hits discounted by the logarithm of their place, against the best order possible."""

import numpy as np

from m6rec_cli.evaluation.metrics._base import Ranks, ratio

READS = "ranks"


def at(ranks: Ranks, k: int) -> np.ndarray:
    """Normalised discounted cumulative gain with gains of 1 (Järvelin and Kekäläinen 2002).

    The ideal puts all the user's true items first, at most `k` of them; it is not the ideal of k hits.

    Returns:
        float64 (n_users,); NaN for a user without true items.
    """
    hit = ranks.rank < k
    gain = np.zeros(len(ranks.rank))
    gain[hit] = 1 / np.log2(ranks.rank[hit] + 2)
    ideal = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(k) + 2))])
    return ratio(ranks.total(gain), ideal[np.minimum(ranks.truths, k)])
