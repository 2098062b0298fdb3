"""Repeats: what a user had most often comes first, then the most popular items."""

from dataclasses import dataclass

import numpy as np

from m6rec_cli.evaluation.baselines import _base
from m6rec_cli.ranking.evidence import event_counts

READS = "events"
RANKS_BY = "how often the user had the item, then its number of events"

_TIE_BREAKER = 1e-3
"""Weight of popularity, from 0 to 1: below a single event of the user."""


@dataclass(frozen=True)
class Repeats:
    """Counts the events of each history with each item."""

    tie_breaker: np.ndarray

    def score(self, histories: _base.Histories, rows: np.ndarray) -> np.ndarray:
        """See `FittedBaseline.score`."""
        shape = (len(rows), len(self.tie_breaker))
        scores = event_counts(*histories.latest(rows), shape).toarray()
        scores += self.tie_breaker
        return scores


def fit(history: _base.History, n_users: int, n_items: int) -> _base.FittedBaseline:
    """Count the events per item; those of a user are counted in the history that is asked for."""
    return Repeats(np.float32(_TIE_BREAKER) * _base.popularity(history, n_items))
