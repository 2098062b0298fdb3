"""The transition graph: what followed a user's last item in other histories."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from m6rec_cli.evaluation.baselines import _base

READS = "events"

_BACKOFF = 1e-3
"""Weight of popularity: below any seen transition of an item with up to a thousand of them."""


@dataclass(frozen=True)
class LastItem:
    """First-order Markov chain with a back-off to popularity."""

    last_item: np.ndarray
    transitions: sparse.csr_array
    backoff: np.ndarray

    def score(self, user_rows: np.ndarray) -> np.ndarray:
        """See `Scorer.score`."""
        last = self.last_item[user_rows]
        scores = self.transitions[np.maximum(last, 0)].toarray()
        scores[last < 0] = 0
        scores += self.backoff
        return scores


def fit(history: _base.History, n_users: int, n_items: int) -> _base.Scorer:
    """Count the pairs of neighbouring events and turn each item's row into shares.

    An item that follows itself is not counted: it would only repeat what the user has seen.
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
    backoff = np.float32(_BACKOFF) * _base.popularity(history, n_items)
    return LastItem(history.last_item, transitions, backoff)
