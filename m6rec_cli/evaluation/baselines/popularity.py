"""Popularity: the items with the most events, the same for every user."""

from dataclasses import dataclass

import numpy as np

from m6rec_cli.evaluation.baselines import _base

READS = "events"
RANKS_BY = "number of events"


@dataclass(frozen=True)
class Popularity:
    """The same scores for every user."""

    popularity: np.ndarray

    def score(self, histories: _base.Histories, rows: np.ndarray) -> np.ndarray:
        """See `FittedBaseline.score`."""
        return np.broadcast_to(self.popularity, (len(rows), len(self.popularity)))


def fit(history: _base.History, n_users: int, n_items: int) -> _base.FittedBaseline:
    """Count the events per item."""
    return Popularity(_base.popularity(history, n_items))
