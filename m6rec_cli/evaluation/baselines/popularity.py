"""Everybody gets the items with the most events."""

from dataclasses import dataclass

import numpy as np

from m6rec_cli.evaluation.baselines import _base

READS = "events"


@dataclass(frozen=True)
class Popularity:
    """One order for all users."""

    popularity: np.ndarray

    def score(self, user_rows: np.ndarray) -> np.ndarray:
        """See `Scorer.score`."""
        return np.broadcast_to(self.popularity, (len(user_rows), len(self.popularity)))


def fit(history: _base.History, n_users: int, n_items: int) -> _base.Scorer:
    """Count events."""
    return Popularity(_base.popularity(history, n_items))
