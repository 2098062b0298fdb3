"""Ranks to MRR: the reciprocal rank of the first target."""

import numpy as np

from m6rec_cli.evaluation.metrics._base import Display, Ranks

READS = "ranks"
DISPLAY = Display(
    title="MRR",
    better="higher",
    order=3,
    column=3,
    meaning="1 / rank of the first true item, 0 beyond k",
)


def at(ranks: Ranks, k: int) -> np.ndarray:
    """Reciprocal rank of the user's best target, 0 if none is among the first `k`.

    Returns:
        float64 (n_users,); NaN for a user without targets.
    """
    best = np.zeros(ranks.n_users)
    np.maximum.at(best, ranks.user, ranks.expected_gain(1 / (np.arange(k) + 1)))
    return np.where(ranks.n_targets > 0, best, np.nan)
