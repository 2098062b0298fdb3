"""Ranks to recall: the share of a user's targets among the first k."""

import numpy as np

from m6rec_cli.evaluation.metrics._base import Display, Ranks, ratio

READS = "ranks"
DISPLAY = Display(
    title="recall",
    better="higher",
    leads=True,
    order=2,
    column=2,
    meaning="share of the true items among the first k",
)


def at(ranks: Ranks, k: int) -> np.ndarray:
    """Hits among the first `k` divided by all targets of the user, even if more than `k`.

    Returns:
        float64 (n_users,); NaN for a user without targets.
    """
    return ratio(ranks.sum_per_user(ranks.expected_gain(np.ones(k))), ranks.n_targets)
