"""Lists to miscalibration: how far a list's mix of groups is from that of the user's history."""

import numpy as np

from m6rec_cli.evaluation.metrics._base import Catalogue, Lists

READS = "lists"
ALPHA = 0.01
_ROWS = 4096


def at(lists: Lists, k: int, catalogue: Catalogue) -> np.ndarray:
    """The divergence KL(p || q) in nats of Steck (2018), equation 7: 0 is a perfectly calibrated list.

    p is the distribution of groups (genres, categories, popularity bands) over the user's history, q over
    the first `k` with a hundredth of p mixed in, so that it stays finite.

    Returns:
        float64 (n_users,); NaN where the history or the list has no item with a group.
    """
    history, shown = catalogue.history_groups, lists.matrix(k, catalogue.n_items)
    divergence = np.empty(len(lists.items))
    for start in range(0, len(divergence), _ROWS):
        p = history[start : start + _ROWS].toarray()
        q = (shown[start : start + _ROWS] @ catalogue.groups).toarray()
        total = q.sum(axis=1, keepdims=True)
        known = (total > 0).ravel() & (p > 0).any(axis=1)
        mixed = (1 - ALPHA) * q / np.where(total > 0, total, 1) + ALPHA * p
        terms = p * np.log(np.divide(p, mixed, out=np.ones_like(p), where=p > 0))
        divergence[start : start + _ROWS] = np.where(known, terms.sum(axis=1), np.nan)
    return divergence
