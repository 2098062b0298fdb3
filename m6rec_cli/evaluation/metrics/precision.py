"""Ranks to precision: the share of the first k items that are targets."""

import numpy as np

from m6rec_cli.evaluation.metrics._base import Display, Ranks, ratio

READS = "ranks"
DISPLAY = Display(
    title="precision",
    better="higher",
    order=6,
    meaning="share of the first k that are true items",
)


def at(ranks: Ranks, k: int) -> np.ndarray:
    """Hits among the first `k` divided by `k`, even if the list is shorter.

    Returns:
        float64 (n_users,); NaN for a user without targets.
    """
    return ratio(
        ranks.sum_per_user(ranks.expected_gain(np.ones(k))), np.where(ranks.n_targets > 0, k, 0)
    )
