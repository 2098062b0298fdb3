"""Ranks to NDCG: hits discounted by the logarithm of their rank, relative to the ideal list."""

import numpy as np

from m6rec_cli.evaluation.metrics._base import Display, Ranks, ratio

READS = "ranks"
DISPLAY = Display(
    title="NDCG",
    better="higher",
    leads=True,
    order=1,
    column=1,
    meaning="one true item counts 1 at rank 1, .63 at rank 2, .5 at rank 3, 0 beyond k",
)


def at(ranks: Ranks, k: int) -> np.ndarray:
    """Normalised discounted cumulative gain with gains of 1 (Järvelin and Kekäläinen 2002).

    The ideal list starts with the user's targets, at most `k` of them.

    Returns:
        float64 (n_users,); NaN for a user without targets.
    """
    discount = 1 / np.log2(np.arange(k) + 2)
    gain = ranks.expected_gain(discount)
    ideal = np.concatenate([[0.0], np.cumsum(discount)])
    return ratio(ranks.sum_per_user(gain), ideal[np.minimum(ranks.n_targets, k)])
