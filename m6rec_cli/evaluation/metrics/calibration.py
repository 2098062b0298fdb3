"""Ranked lists to miscalibration: how the groups of a list differ from the user's history."""

import numpy as np

from m6rec_cli.evaluation.metrics._base import CatalogueFacts, Display, RankedLists

READS = "lists"
DISPLAY = Display(
    title="miscalibration",
    better="lower",
    meaning="how far a list's categories are from the history's; 0 is equal, lower is better",
)
ALPHA = 0.01
_ROWS = 4096


def at(lists: RankedLists, k: int, catalogue: CatalogueFacts) -> np.ndarray:
    """KL(p || q) in nats (Steck 2018, equation 7); 0 for a perfectly calibrated list.

    p is the distribution over groups (genres, categories, popularity bands) of the user's history,
    q that of the first `k`, mixed with 1% of p so that the divergence is finite.

    Returns:
        float64 (n_users,); NaN if no item of the history or of the list has a group.
    """
    history, listed = catalogue.history_groups, lists.matrix(k, catalogue.n_items)
    divergence = np.empty(len(lists.items))
    for start in range(0, len(divergence), _ROWS):
        p = history[start : start + _ROWS].toarray()
        q = (listed[start : start + _ROWS] @ catalogue.groups).toarray()
        total = q.sum(axis=1, keepdims=True)
        known = (total > 0).ravel() & (p > 0).any(axis=1)
        mixed = (1 - ALPHA) * q / np.where(total > 0, total, 1) + ALPHA * p
        terms = p * np.log(np.divide(p, mixed, out=np.ones_like(p), where=p > 0))
        divergence[start : start + _ROWS] = np.where(known, terms.sum(axis=1), np.nan)
    return divergence
