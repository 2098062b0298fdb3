"""Lists to miscalibration: how far a list's mix of groups is from that of the user's history."""

import numpy as np
from scipy import sparse

from m6rec_cli.metrics._base import Catalogue, Lists, share_rows

READS = "lists"
ALPHA = 0.01


def at(lists: Lists, k: int, catalogue: Catalogue) -> np.ndarray:
    """The divergence KL(p || q) in nats of Steck (2018), equation 7: 0 is a perfectly calibrated list.

    p is the distribution of groups (genres, categories, popularity bands) over the user's history, q over
    the first `k` with a hundredth of p mixed in, so that it stays finite.

    Returns:
        float64 (n_users,); NaN where the history or the list has no item with a group.
    """
    p = catalogue.history_groups
    q = share_rows(lists.matrix(k, catalogue.n_items) @ catalogue.groups)
    mixed = sparse.csr_array((1 - ALPHA) * q + ALPHA * p)
    known = (np.diff(p.indptr) > 0) & (np.diff(q.indptr) > 0)
    users, groups = p.nonzero()
    if not len(users):
        return np.full(len(known), np.nan)
    p_values = np.asarray(p[users, groups]).ravel()
    q_values = np.asarray(mixed[users, groups]).ravel()
    divergence = np.bincount(users, p_values * np.log(p_values / q_values), minlength=len(known))
    return np.where(known, divergence, np.nan)
