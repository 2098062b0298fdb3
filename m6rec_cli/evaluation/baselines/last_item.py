"""A first-order Markov chain: the items that most often follow the user's last item."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from m6rec_cli.evaluation.baselines import _base

READS = "events"
RANKS_BY = "what most often follows the last item"

_TIE_BREAKER = 1e-3
"""Weight of popularity: below any transition of an item with up to 1000 transitions."""


@dataclass(frozen=True)
class LastItem:
    """Transition shares of the last item; popularity breaks ties and serves cold users."""

    transitions: sparse.csr_array
    tie_breaker: np.ndarray

    def score(self, histories: _base.Histories, rows: np.ndarray) -> np.ndarray:
        """See `FittedBaseline.score`."""
        last = histories.last_item(rows)
        scores = self.transitions[np.maximum(last, 0)].toarray()
        scores[last < 0] = 0
        scores += self.tie_breaker
        return scores


def fit(history: _base.History, n_users: int, n_items: int) -> _base.FittedBaseline:
    """Count pairs of consecutive events and scale each item's row to sum 1.

    Pairs of the same item are left out: they would recommend what the user has seen.
    """
    before, after = history.item_row[:-1], history.item_row[1:]
    real = (history.user_row[:-1] == history.user_row[1:]) & (before != after)
    counts = sparse.coo_array(
        (
            np.ones(real.sum(), np.float32),
            (before[real].astype(np.int64), after[real].astype(np.int64)),
        ),
        (n_items, n_items),
    ).tocsr()
    total = np.asarray(counts.sum(axis=1)).ravel()
    scale = np.divide(1, total, out=np.zeros_like(total), where=total > 0)
    transitions = sparse.csr_array(sparse.diags_array(scale) @ counts)
    tie_breaker = np.float32(_TIE_BREAKER) * _base.popularity(history, n_items)
    return LastItem(transitions, tie_breaker)
