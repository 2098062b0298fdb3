"""The tool's co-occurrence graph alone: neighbours of a user's recent items, without a model."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from m6rec_cli.evaluation.baselines import _base
from m6rec_cli.item_graphs import cooccurrence

READS = "events"
RANKS_BY = "the tool's co-occurrence graph alone, looked up as `recommend` does"

_TIE_BREAKER = 1e-6
"""Weight of popularity: below the share of any neighbour that counts."""


@dataclass(frozen=True)
class Cooccurrence:
    """Neighbour shares of the last 10 events; popularity breaks ties and serves cold users."""

    graph: sparse.csr_array
    tie_breaker: np.ndarray

    def score(self, histories: _base.Histories, rows: np.ndarray) -> np.ndarray:
        """See `FittedBaseline.score`."""
        scores = shares(self.graph, histories, rows).toarray()
        scores += self.tie_breaker
        return scores


def fit(history: _base.History, n_users: int, n_items: int) -> _base.FittedBaseline:
    """Fit the graph as `pretrain` does, on all events before the split."""
    graph = fit_graph(history, n_items)
    tie_breaker = np.float32(_TIE_BREAKER) * _base.popularity(history, n_items)
    return Cooccurrence(graph, tie_breaker)


def fit_graph(history: _base.History, n_items: int) -> sparse.csr_array:
    """The co-occurrence graph of the histories, f32 (i, i)."""
    user_row = history.user_row.astype(np.int32)
    return cooccurrence.fit(user_row, history.item_row.astype(np.int32), n_items)


def shares(
    graph: sparse.csr_array, histories: _base.Histories, rows: np.ndarray
) -> sparse.csr_array:
    """Neighbour shares of some histories, looked up as `recommend` does, f32 (len(rows), i)."""
    owner, items = histories.latest(rows, cooccurrence.N_RECENT_EVENTS)
    return cooccurrence.neighbour_shares(graph, owner, items, len(rows))
