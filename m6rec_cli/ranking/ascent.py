"""Held-out events to the ranking weights that find most: coordinate ascent on NDCG@10 itself.

Where a model knows nothing of a shop, likelihood gives popularity too much, since it has to explain
all targets; NDCG asks about the top of a list alone. It has no gradient, so a few values of each
weight are tried in turn. At home the convex fits of `fit.py` are better: they overfit less.
"""

import numpy as np

from m6rec_cli.ranking.candidates import NAMES, Candidates

MAX_EVENTS = 1_500
"""Further events are left out, evenly: every value that is tried ranks the target of each event."""
_GRID = {
    "model": (0.0, 0.05, 0.1, 0.2, 0.4, 0.8),
    "popularity": (0.0, 0.03, 0.1, 0.3, 1.0),
    "neighbours": (0.0, 0.3, 1.0, 2.0),
    "close_neighbours": (0.0, 0.1, 0.3, 1.0, 2.0),
    "second_neighbours": (0.0, 0.3, 1.0, 2.0),
    "followers": (0.0, 0.3, 1.0, 2.0),
    "repeats": (0.0, 0.3, 1.0, 3.0),
    "words": (0.0, 0.3, 1.0, 3.0, 10.0),
    "vectors": (0.0, 0.3, 1.0, 3.0, 10.0),
}
"""Values that are tried for each weight, beside multiples of the present one."""
_FACTORS = (0.5, 0.7, 0.85, 1.2, 1.5, 2.0)
_MAX_ROUNDS = 3
_CUTOFF = 10


def ascend(candidates: Candidates, start: np.ndarray) -> np.ndarray:
    """The weights of the highest NDCG@10 found from `start` on, f64 (names,)."""
    n = min(len(candidates), MAX_EVENTS)
    candidates = candidates.take(np.linspace(0, len(candidates) - 1, n).astype(np.int64))
    theta, values = start.copy(), candidates.values
    scores = theta.astype(np.float32) @ values
    best = ndcg(candidates, scores).mean()
    for _ in range(_MAX_ROUNDS):
        before = best
        for i, name in enumerate(NAMES):
            if not values[i].any():
                continue
            others = scores - np.float32(theta[i]) * values[i]
            tried = {*_GRID.get(name, ()), *(theta[i] * factor for factor in _FACTORS)}
            for value in sorted(tried - {theta[i]}):
                moved = others + np.float32(value) * values[i]
                if (figure := ndcg(candidates, moved).mean()) > best:
                    best, theta[i], scores = figure, value, moved
        if best == before:
            break
    return theta


def ndcg(candidates: Candidates, scores: np.ndarray) -> np.ndarray:
    """NDCG@10 of each event's target among its candidates, (events,)."""
    rank = target_ranks(candidates, scores)
    return np.where(rank < _CUTOFF, 1 / np.log2(rank + 2), 0)


def target_ranks(candidates: Candidates, scores: np.ndarray) -> np.ndarray:
    """The rank of each event's target from 0, ties at their expected rank, (events,).

    Args:
        scores: f32 (candidates,).
    """
    own = np.repeat(scores[candidates.target], np.diff(candidates.offsets))
    above = (scores > own) + 0.5 * (scores == own)
    above *= np.exp(candidates.log_copies)
    return np.add.reduceat(above, candidates.offsets[:-1]) - 0.5
