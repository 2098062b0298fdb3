"""Item graphs, content and popularity by weights from held-out events: no training.

A log-linear model of what the tool knows without a network. The weights maximise NDCG@10 on each
user's last labelled events, which the parts are not fitted on; then the parts are fitted on all
events. A model has to beat this baseline.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from m6rec_cli.data.manifest import MAX_MASKED_REPEATS
from m6rec_cli.evaluation.baselines import _base, _held_out, cooccurrence
from m6rec_cli.evaluation.baselines._base import Histories, History, ItemContent
from m6rec_cli.item_graphs import (
    content_cosines,
    content_similarity,
    second_neighbours,
    transitions,
)
from m6rec_cli.item_graphs import cooccurrence as graphs
from m6rec_cli.ranking.evidence import log_counts
from m6rec_cli.ranking.weights import FOLLOWER_SCALE, SECOND_NEIGHBOUR_SCALE, neighbour_gain

READS = "content if any"
RANKS_BY = "co-occurrence, second neighbours, transitions, words, vectors, popularity, repeats"

GRID = {
    "cooccurrence": (0.0, 0.03, 0.3, 3.0, 30.0),
    "second_neighbours": (0.0, 0.3, 1.0, 2.0),
    "transitions": (0.0, 0.3, 1.0, 2.0),
    "words": (0.0, 0.3, 1.0, 3.0, 5.0, 10.0, 20.0),
    "vectors": (0.0, 0.3, 1.0, 3.0, 5.0, 10.0, 20.0),
    "popularity": (0.0, 0.03, 0.1, 0.3, 1.0),
    "repeats": (0.0, 0.3, 1.0, 3.0, 10.0),
}
"""Weights that are tried for each part."""
_START = {
    "cooccurrence": 3.0,
    "second_neighbours": 0.0,
    "transitions": 0.0,
    "words": 3.0,
    "vectors": 0.0,
    "popularity": 0.1,
    "repeats": 0.0,
}
_MAX_ROUNDS = 3
_MAX_CELLS = 25_000_000
"""Targets times items of the sample that the weights are chosen on."""
_TIE_BREAKER = 1e-5
_CUTOFF = 10

Weights = dict[str, float]


@dataclass(frozen=True)
class Parts:
    """The parts of the mixture, fitted on histories.

    Attributes:
        graph: Co-occurrence shares, (n_items, n_items).
        second: Shares of second neighbours, (n_items, n_items).
        transitions: Shares of what follows each item directly, (n_items, n_items).
        contents: By part, cosine similarities of each item to its most similar items,
            (n_items, n_items).
        popularity: log(1 + events), f32 (n_items,).
        counts_repeats: Whether a user's own events with an item are a part.
    """

    graph: sparse.csr_array
    second: sparse.csr_array
    transitions: sparse.csr_array
    contents: dict[str, sparse.csr_array]
    popularity: np.ndarray
    counts_repeats: bool

    @property
    def names(self) -> list[str]:
        """The parts that there are."""
        second = ["second_neighbours"] if self.second.nnz else []
        repeats = ["repeats"] if self.counts_repeats else []
        return ["cooccurrence", *second, "transitions", *self.contents, "popularity", *repeats]

    def shares(self, histories: Histories, rows: np.ndarray) -> np.ndarray:
        """Co-occurrence shares times the number of items, f32 (len(rows), items)."""
        shares = cooccurrence.shares(self.graph, histories, rows).toarray()
        return shares * np.float32(len(self.popularity))

    def similarities(self, histories: Histories, rows: np.ndarray) -> dict[str, np.ndarray]:
        """All parts of users and items but co-occurrence, as `_term` weighs them.

        f32 (len(rows), items) each.
        """
        owner, items = histories.latest(rows, content_cosines.N_RECENT_EVENTS)
        found = {
            name: content_cosines.of_users(graph, owner, items, len(rows)).toarray()
            for name, graph in self.contents.items()
        }
        direct = transitions.shares_of_last_items(self.transitions, owner, items, len(rows))
        n_items = len(self.popularity)
        found["transitions"] = neighbour_gain(direct.toarray(), n_items, FOLLOWER_SCALE)
        if self.second.nnz:
            shares = cooccurrence.shares(self.second, histories, rows).toarray()
            gain = neighbour_gain(shares, n_items, SECOND_NEIGHBOUR_SCALE)
            found["second_neighbours"] = gain
        if self.counts_repeats:
            found["repeats"] = log_counts(*histories.latest(rows), (len(rows), n_items)).toarray()
        return found


@dataclass(frozen=True)
class Mixture:
    """The sum of the parts, weighted.

    log(1 + a n q) + z log(1 + n q2) + t log(1 + 10 n r) + b cosine + c log(1 + events) + d log(1 +
    own events), with the shares q of neighbours, q2 of second neighbours and r of what follows the
    last item directly.
    """

    parts: Parts
    weights: Weights

    def score(self, histories: Histories, rows: np.ndarray) -> np.ndarray:
        """See `FittedBaseline.score`."""
        parts = self.parts
        similarities = parts.similarities(histories, rows)
        return combine(parts.shares(histories, rows), similarities, parts.popularity, self.weights)


def fit(
    history: History, n_users: int, n_items: int, content: ItemContent = _base.NO_CONTENT
) -> _base.FittedBaseline:
    """Choose the weights with each user's last labelled events held out, then fit on all."""
    warm = np.bincount(history.item_row, minlength=n_items) > 0
    contents = content_cosines.most_similar_items(content.term_counts, content.vectors, warm)
    similar = content_similarity.similarity_graph(content.term_counts, warm)
    earlier, users, targets = _held_out.last_events(history)
    weights = choose_weights(
        _fit_parts(earlier, n_items, contents, similar), earlier.per_user, users, targets
    )
    contents = {name: graph for name, graph in contents.items() if weights[name] > 0}
    if not weights.get("second_neighbours"):
        similar = graphs.empty_graph(n_items)
    counts_repeats = weights["repeats"] > 0
    return Mixture(_fit_parts(history, n_items, contents, similar, counts_repeats), weights)


def choose_weights(
    parts: Parts, histories: Histories, users: np.ndarray, targets: np.ndarray
) -> Weights:
    """The weights with the highest NDCG@10, found by coordinate ascent over `GRID`.

    Seen items are hidden as `recommend` does it. An even sample of targets bounds the time.
    """
    weights = {name: _START[name] for name in parts.names}
    n_items = len(parts.popularity)
    n_sample = min(len(users), max(1, _MAX_CELLS // max(n_items, 1)))
    if not n_sample:
        return weights
    sample = np.linspace(0, len(users) - 1, n_sample).astype(np.int64)
    users, targets = users[sample], targets[sample]
    shares, similarities = parts.shares(histories, users), parts.similarities(histories, users)
    owner, seen = histories.latest(users)
    is_repeat = np.bincount(owner[seen == targets[owner]], minlength=len(users)) > 0
    if is_repeat.mean() > MAX_MASKED_REPEATS:
        owner = seen = np.zeros(0, np.int64)
        is_repeat[:] = False

    def ndcg(others: np.ndarray, name: str, value: float) -> float:
        scores = others + _term(name, value, shares, similarities, parts.popularity)
        own = scores[np.arange(len(users)), targets][:, None]
        rank = np.count_nonzero(scores > own, axis=1).astype(np.float64)
        top = np.flatnonzero((rank < _CUTOFF) & ~is_repeat)
        rank[top] += (np.count_nonzero(scores[top] == own[top], axis=1) - 1) / 2
        hit = top[rank[top] < _CUTOFF]
        return float(np.sum(1 / np.log2(rank[hit] + 2)))

    best = -1.0
    for _ in range(_MAX_ROUNDS):
        before = best
        for name in parts.names:
            others = combine(shares, similarities, parts.popularity, weights | {name: 0.0})
            others[owner, seen] = -np.inf
            for value in GRID[name]:
                figure = ndcg(others, name, value)
                # A part that changes nothing has no weight.
                if figure > best or (figure == best and value < weights[name]):
                    best, weights = figure, weights | {name: value}
        if best == before:
            break
    return weights


def combine(
    shares: np.ndarray,
    similarities: dict[str, np.ndarray],
    popularity: np.ndarray,
    weights: Weights,
) -> np.ndarray:
    """Scores of a tile of users, float32 (users, items); popularity breaks ties."""
    scores = np.float32(_TIE_BREAKER) * np.broadcast_to(popularity, shares.shape)
    for name, weight in weights.items():
        if weight:
            scores += _term(name, weight, shares, similarities, popularity)
    return scores


def _term(
    name: str,
    weight: float,
    shares: np.ndarray,
    similarities: dict[str, np.ndarray],
    popularity: np.ndarray,
) -> np.ndarray:
    if name == "cooccurrence":
        return np.log1p(np.float32(weight) * shares)
    return np.float32(weight) * similarities.get(name, popularity)


def _fit_parts(
    history: History,
    n_items: int,
    contents: dict[str, sparse.csr_array],
    similar: sparse.csr_array,
    counts_repeats: bool = True,
) -> Parts:
    count = np.bincount(history.item_row, minlength=n_items)
    graph = cooccurrence.fit_graph(history, n_items)
    following = transitions.fit(history.user_row, history.item_row, n_items)
    second = second_neighbours.fit(graph, similar)
    popularity = np.log1p(count).astype(np.float32)
    return Parts(graph, second, following, contents, popularity, counts_repeats)
