"""Candidates of held-out events to the weights under which the targets are most likely.

The likelihood is that of a softmax over the candidates of each event, with a normal prior: a convex
problem of a few numbers.
"""

from collections.abc import Sequence

import numpy as np
from scipy import optimize

PRIOR_STRENGTH = 5.0
"""How many events the prior counts for: its penalty is this times the squared distance from it.

The distance is in standard deviations of the term where these are below 1: cosines are small
numbers, so that their weights have to be large to matter.
"""
_SMALLEST_UNIT = 0.02
"""A term that hardly varies says nothing, and its weight stays near the prior."""
_N_FOR_UNITS = 200_000
"""Candidates by which the standard deviations are estimated, spread over all."""
_TOLERANCE = 1e-7
"""The search ends at a step that raises the mean log-likelihood by a smaller part of it.

A hundred times less changes weights by a hundredth of their standard error, for twice the time.
"""


def most_likely(
    values: np.ndarray,
    base: np.ndarray,
    offsets: np.ndarray,
    target: np.ndarray,
    *,
    prior: np.ndarray,
    start: np.ndarray,
    event_weight: np.ndarray,
    not_negative: Sequence[bool],
) -> np.ndarray:
    """The weights of the highest posterior, f64 (terms,); a term of zeros keeps its start.

    Args:
        values: f32 (terms, candidates), the terms that are weighed.
        base: f32 (candidates,), what is added to the weighed terms.
        offsets: `offsets[e]:offsets[e + 1]` are the candidates of event e.
        target: The candidate that is the target of each event.
        prior: f64 (terms,), the centre of the prior.
        start: f64 (terms,), where the search begins.
        event_weight: f32 (events,).
        not_negative: Whether a weight may not fall below 0, for each term.
    """
    used = np.asarray(values.any(axis=1))
    if not used.all():
        bounded = [bound for bound, is_used in zip(not_negative, used, strict=True) if is_used]
        weights = start.astype(np.float64)
        weights[used] = most_likely(
            values[used],
            base,
            offsets,
            target,
            prior=prior[used],
            start=start[used],
            event_weight=event_weight,
            not_negative=bounded,
        )
        return weights
    n, begins, sizes = float(event_weight.sum()), offsets[:-1], np.diff(offsets)
    spread = values[:, :: max(1, values.shape[1] // _N_FOR_UNITS)]
    unit = np.clip(spread.std(axis=1, dtype=np.float64), _SMALLEST_UNIT, 1.0)
    target_values = (values[:, target] * event_weight).sum(axis=1, dtype=np.float64)

    def loss(scaled: np.ndarray) -> tuple[float, np.ndarray]:
        theta = scaled / unit
        scores = theta.astype(np.float32) @ values + base
        own = (scores[target] * event_weight).sum(dtype=np.float64)
        highest = np.maximum.reduceat(scores, begins)
        scores -= np.repeat(highest, sizes)
        np.exp(scores, out=scores)
        total = np.add.reduceat(scores, begins)
        scores *= np.repeat(event_weight / total, sizes)
        expected = (values @ scores).astype(np.float64)
        away = scaled - prior * unit
        likelihood = own - (event_weight * (highest + np.log(total))).sum(dtype=np.float64)
        gradient = (expected - target_values) / unit + 2 * PRIOR_STRENGTH * away
        return (PRIOR_STRENGTH * (away @ away) - likelihood) / n, gradient / n

    bounds = [(0, None) if bounded else (None, None) for bounded in not_negative]
    found = optimize.minimize(
        loss,
        start * unit,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"ftol": _TOLERANCE},
    )
    return np.asarray(found.x) / unit
