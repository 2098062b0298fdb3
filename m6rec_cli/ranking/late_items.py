"""Held-out events to the weights of items that came after training.

The model has learned nothing of such an item, while the log may have events of it. What its score
should be is learned from items that the model knows: of each event some candidates, drawn at
random, are scored as if they had come late, and the weights of late items are those under which the
targets are most likely.
"""

import dataclasses

import numpy as np

from m6rec_cli.ranking import fit
from m6rec_cli.ranking.candidates import NAMES, Candidates
from m6rec_cli.ranking.likelihood import most_likely
from m6rec_cli.ranking.weights import LATE_ITEMS, RankingWeights

_BASIC = ("model", "model_by_length", "popularity", "popularity_by_length")
"""The names of `NAMES` that are not of graphs or repeats."""
_LATE_SHARE = 0.3
"""Share of the candidates of an event that are taken for late items."""
_PRIOR = {"late_neighbours": 0.5, "late_constant": 0.0, "late_popularity": 0.0, "late_gain": 1.0}


def with_late_items(weights: RankingWeights, candidates: Candidates) -> RankingWeights:
    """The weights with those of items that came after training; as they are with too few events."""
    if len(candidates) < fit.MIN_EVENTS:
        return weights
    sizes = np.diff(candidates.offsets)
    length = candidates.lengths + np.float32(candidates.mean_log_length)
    of_model = weights.model + weights.model_by_length * length
    factor, level = (np.repeat(x, sizes) for x in (of_model, of_model * candidates.levels))
    logits, popularity = (candidates.values[NAMES.index(x)] for x in ("model", "popularity"))
    gain = sum(
        np.float32(getattr(weights, name)) * values
        for name, values in zip(NAMES, candidates.values, strict=True)
        if name not in _BASIC
    )
    scores = fit.scores(candidates, weights)
    is_late = np.random.default_rng(0).random(len(scores)) < _LATE_SHARE
    terms = {
        "late_neighbours": factor * candidates.neighbour_logits - level,
        "late_constant": np.ones_like(level),
        "late_popularity": popularity,
        "late_gain": gain,
    }
    base = np.where(is_late, scores - factor * logits - gain + level, scores)
    prior = np.array([_PRIOR[name] for name in LATE_ITEMS])
    found = most_likely(
        np.stack([is_late * terms[name] for name in LATE_ITEMS]).astype(np.float32),
        base.astype(np.float32) + candidates.log_copies,
        candidates.offsets,
        candidates.target,
        prior=prior,
        start=prior,
        event_weight=np.ones(len(candidates), np.float32),
        not_negative=[name == "late_gain" for name in LATE_ITEMS],
    )
    return dataclasses.replace(weights, **dict(zip(LATE_ITEMS, found.tolist(), strict=True)))
