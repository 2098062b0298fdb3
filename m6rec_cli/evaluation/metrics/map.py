"""Ranks to MAP: the precision at each hit, averaged over a user's targets."""

import numpy as np

from m6rec_cli.evaluation.metrics._base import Display, Ranks, ratio

READS = "ranks"
DISPLAY = Display(
    title="MAP",
    better="higher",
    order=5,
    meaning="mean precision at the ranks of the true items",
)


def at(ranks: Ranks, k: int) -> np.ndarray:
    """Average precision at `k`, divided by all targets of the user (as TREC does).

    Returns:
        float64 (n_users,); NaN for a user without targets.
    """
    order = np.lexsort((ranks.rank, ranks.user))
    user = ranks.user[order]
    hits_so_far = np.arange(len(user)) - (np.cumsum(ranks.n_targets) - ranks.n_targets)[user] + 1
    precision = hits_so_far * ranks.expected_gain(1 / (np.arange(k) + 1))[order]
    return ratio(np.bincount(user, precision, minlength=ranks.n_users), ranks.n_targets)
