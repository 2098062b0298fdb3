"""Two judged systems to a paired test: the difference user by user, its interval and its p-value."""

from typing import Any

import numpy as np

from m6rec_cli.evaluation import bootstrap
from m6rec_cli.evaluation.measurement import mean, primary
from m6rec_cli.evaluation.ranking import SystemResult

LEAST_FLIPS = 1000


def compare(
    a: SystemResult, b: SystemResult, k: int, *, resamples: int, seed: int
) -> dict[str, Any]:
    """Test the masked NDCG and recall of `a` against `b` on the same users.

    Returns:
        For each metric both means, `difference` (a minus b), its bootstrap `interval` (None without
        resamples), the sign-flip `p_value`, and on how many users either is better.
    """
    result: dict[str, Any] = {"a": a.name, "b": b.name, "metrics": {}}
    ours, theirs = primary(a.masked.ranks, k), primary(b.masked.ranks, k)
    for name in ours:
        difference = ours[name] - theirs[name]
        interval = bootstrap.intervals({name: difference}, resamples=resamples, seed=seed)
        result["metrics"][name] = {
            "a": mean(ours[name]),
            "b": mean(theirs[name]),
            "difference": mean(difference),
            "interval": interval.get(name),
            "p_value": bootstrap.sign_flip(
                difference, flips=max(resamples, LEAST_FLIPS), seed=seed
            ),
            "a_better": int(np.sum(difference > 0)),
            "b_better": int(np.sum(difference < 0)),
        }
    return result
