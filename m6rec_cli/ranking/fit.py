"""Held-out events to the weights of the ranking stage, judged on events they were not fitted on.

The first fit is that of the highest likelihood, see `likelihood.py`. A second one weighs the events
by the place that the first gives to their targets, since lists have a top only: events far from it
would decide what popularity is worth. In another shop a third one seeks the highest NDCG, see
`ascent.py`. Of these fits, judged on the half of the events that they have not seen, and of some
constant weights, those that find most are kept.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from m6rec_cli.ranking.ascent import ascend, ndcg, target_ranks
from m6rec_cli.ranking.candidates import NAMES, Candidates
from m6rec_cli.ranking.likelihood import most_likely
from m6rec_cli.ranking.ranking_file import RankingFit
from m6rec_cli.ranking.weights import NOT_NEGATIVE, RankingWeights

USUAL = RankingWeights(model=0.4, neighbours=1.0, second_neighbours=0.4, words=2.0, vectors=2.0)
"""Weights of small shops: where learned ones stay without evidence."""
MODEL_FIRST = RankingWeights(
    model=0.8, neighbours=1.0, second_neighbours=0.3, words=2.0, vectors=2.0
)
"""For a large shop, whose model needs little help."""
WITHOUT_MODEL = RankingWeights(
    model=0.0, popularity=0.1, neighbours=1.0, second_neighbours=1.0, words=5.0, vectors=5.0
)
"""For a model that knows nothing of the shop."""
LAST_ITEM = RankingWeights(model=0.0, popularity=0.01, followers=1.0)
"""What follows the last item directly, alone."""
CONSTANTS = {
    "usual weights": USUAL,
    "weights that trust the model": MODEL_FIRST,
    "weights without the model": WITHOUT_MODEL,
    "transitions of the last item": LAST_ITEM,
}
"""Weights that learned ones have to beat, by name."""
MIN_EVENTS = 20
"""Fewer held-out events fit no weights."""
_NOT_NEGATIVE = ("model", *NOT_NEGATIVE)


def fit(
    candidates: Candidates,
    *,
    prior: RankingWeights = USUAL,
    constants: Mapping[str, RankingWeights] = CONSTANTS,
    ascends: bool = False,
) -> RankingFit:
    """Learn the weights, unless constant ones find more.

    Args:
        constants: By name; with too few events, the first are kept.
        ascends: Whether one of the fits seeks the highest NDCG.
    """
    n = len(candidates)
    if n < MIN_EVENTS:
        name, weights = next(iter(constants.items()))
        return RankingFit(weights=weights, is_learned=False, events=n, other=name)
    start = _as_vector(prior, candidates) * candidates.values.any(axis=1)
    whole = _fits(candidates, start, ascends=ascends)
    gains = np.zeros((len(whole), n))
    for half in (0, 1):
        mine = np.arange(half, n, 2)
        judged = candidates.take(mine)
        others = candidates.take(np.arange(1 - half, n, 2))
        for gain, theta in zip(gains, _fits(others, start, ascends=ascends), strict=True):
            gain[mine] = ndcg(judged, _scores(judged, theta))
    learned = gains.mean(axis=1)
    best = int(np.argmax(learned))
    found = {
        name: float(ndcg(candidates, scores(candidates, weights)).mean())
        for name, weights in constants.items()
    }
    other = max(found, key=lambda name: found[name])
    is_learned = bool(learned[best] >= found[other])
    return RankingFit(
        weights=_as_weights(whole[best], candidates) if is_learned else constants[other],
        is_learned=is_learned,
        events=n,
        other=other,
        ndcg=float(learned[best]),
        other_ndcg=found[other],
    )


def _fits(candidates: Candidates, prior: np.ndarray, *, ascends: bool) -> list[np.ndarray]:
    """The weights by likelihood, those near the top and, on demand, those of the highest NDCG."""
    first = _maximise(candidates, prior, prior, np.ones(len(candidates), np.float32))
    near_top = 1 / np.log2(target_ranks(candidates, _scores(candidates, first)) + 2) ** 2
    second = _maximise(candidates, prior, first, near_top.astype(np.float32))
    return [first, second, ascend(candidates, second)] if ascends else [first, second]


def scores(candidates: Candidates, weights: RankingWeights) -> np.ndarray:
    """Scores of all candidates by some weights, up to a constant for each event, f32."""
    return _scores(candidates, _as_vector(weights, candidates))


def _scores(candidates: Candidates, theta: np.ndarray) -> np.ndarray:
    """Scores of all candidates, f32 (candidates,)."""
    return theta.astype(np.float32) @ candidates.values


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


def _maximise(
    candidates: Candidates, prior: np.ndarray, start: np.ndarray, event_weight: np.ndarray
) -> np.ndarray:
    """The weights of the rows `NAMES` under which the targets are most likely, f64 (names,)."""
    return most_likely(
        candidates.values,
        candidates.log_copies,
        candidates.offsets,
        candidates.target,
        prior=prior,
        start=start,
        event_weight=event_weight,
        not_negative=[name in _NOT_NEGATIVE for name in NAMES],
    )
