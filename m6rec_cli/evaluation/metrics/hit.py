"""Ranks to hit rate: whether any target is among the first k."""

import numpy as np

from m6rec_cli.evaluation.metrics._base import Display, Ranks

READS = "ranks"
DISPLAY = Display(
    title="hit rate",
    better="higher",
    order=4,
    meaning="1 if any true item is among the first k",
)


def at(ranks: Ranks, k: int) -> np.ndarray:
    """1 if a target of the user is among the first `k`, else 0.

    For users with one target this equals recall.

    Returns:
        float64 (n_users,); NaN for a user without targets.
    """
    best = np.zeros(ranks.n_users)
    np.maximum.at(best, ranks.user, ranks.expected_gain(np.ones(k)))
    return np.where(ranks.n_targets > 0, best, np.nan)
