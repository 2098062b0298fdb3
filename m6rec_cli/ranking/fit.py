"""Held-out events to the weights of the ranking stage, judged on events they were not fitted on.

The weights maximise the likelihood of the targets in a softmax over the candidates, with a prior
around `PRIOR`: a convex problem of eight numbers. They are kept if, fitted on either half of the
events, they find more on the other half than the fixed weights do.
"""

from dataclasses import replace

import numpy as np
from scipy import optimize

from m6rec_cli.ranking.held_out import NAMES, Candidates
from m6rec_cli.ranking.ranking_file import RankingFit
from m6rec_cli.ranking.weights import FIXED, RankingWeights

PRIOR = RankingWeights(model=0.5, neighbours=1.0, words=1.0, vectors=1.0)
"""Where the weights stay without evidence."""
PRIOR_STRENGTH = 1.0
"""Events that the prior counts for: its penalty is this times the squared distance to it."""
MIN_EVENTS = 20
"""Fewer held-out events fit no weights."""
_CUTOFF = 10
_NOT_NEGATIVE = ("model", "neighbours", "close_neighbours", "words", "vectors")


def fit(
    candidates: Candidates, *, prior: RankingWeights = PRIOR, other: RankingWeights = FIXED
) -> RankingFit:
    """Learn the weights, unless `other` weights find more or there are too few events."""
    n = len(candidates)
    if n < MIN_EVENTS:
        return RankingFit(weights=other, is_learned=False, events=n)
    start = _as_vector(prior, candidates) * candidates.values.any(axis=1)
    whole = _maximise(candidates, start, start)
    gains = np.zeros(n)
    for half in (0, 1):
        others = candidates.take(np.arange(1 - half, n, 2))
        mine = np.arange(half, n, 2)
        gains[mine] = ndcg(candidates.take(mine), _maximise(others, start, whole))
    learned = float(gains.mean())
    before = float(ndcg(candidates, _as_vector(other, candidates)).mean())
    is_learned = learned >= before
    return RankingFit(
        weights=_as_weights(whole, candidates) if is_learned else other,
        is_learned=is_learned,
        events=n,
        ndcg=learned,
        fixed_ndcg=before,
    )


def ndcg(candidates: Candidates, theta: np.ndarray) -> np.ndarray:
    """NDCG@10 of each event's target among its candidates, ties at their expected rank."""
    scores = theta.astype(np.float32) @ candidates.values
    own = np.repeat(scores[candidates.target], np.diff(candidates.offsets))
    above = (scores > own) + 0.5 * (scores == own)
    above *= np.exp(candidates.log_copies)
    rank = np.add.reduceat(above, candidates.offsets[:-1]) - 0.5
    return np.where(rank < _CUTOFF, 1 / np.log2(rank + 2), 0)


def _as_vector(weights: RankingWeights, candidates: Candidates) -> np.ndarray:
    """The weights of the rows `NAMES`, f64 (names,): lengths differ from their mean there."""
    mean = candidates.mean_log_length
    values = weights.to_json() | {
        "model": weights.model + weights.model_by_length * mean,
        "popularity": weights.popularity + weights.popularity_by_length * mean,
    }
    return np.array([values[name] for name in NAMES])


def _as_weights(vector: np.ndarray, candidates: Candidates) -> RankingWeights:
    """The inverse of `_as_vector`."""
    weights = RankingWeights(**dict(zip(NAMES, vector.tolist(), strict=True)))
    mean = candidates.mean_log_length
    return replace(
        weights,
        model=weights.model - weights.model_by_length * mean,
        popularity=weights.popularity - weights.popularity_by_length * mean,
    )


def _maximise(candidates: Candidates, prior: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The weights of the highest posterior, f64 (names,)."""
    n, begins = len(candidates), candidates.offsets[:-1]
    sizes = np.diff(candidates.offsets)
    values = candidates.values
    target_values = values[:, candidates.target].sum(axis=1, dtype=np.float64)

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        scores = theta.astype(np.float32) @ values + candidates.log_copies
        own = scores[candidates.target].sum(dtype=np.float64)
        highest = np.maximum.reduceat(scores, begins)
        scores -= np.repeat(highest, sizes)
        np.exp(scores, out=scores)
        total = np.add.reduceat(scores, begins)
        scores /= np.repeat(total, sizes)
        expected = (values @ scores).astype(np.float64)
        away = theta - prior
        likelihood = own - (highest + np.log(total)).sum(dtype=np.float64)
        gradient = expected - target_values + 2 * PRIOR_STRENGTH * away
        return (PRIOR_STRENGTH * (away @ away) - likelihood) / n, gradient / n

    bounds = [(0, None) if name in _NOT_NEGATIVE else (None, None) for name in NAMES]
    found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(found.x)
