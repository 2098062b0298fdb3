"""Ranked lists to popularity bias: how much more popular the list is than the user's history."""

import numpy as np

from m6rec_cli.evaluation.metrics._base import (
    CatalogueFacts,
    Display,
    RankedLists,
    popularity_percentiles,
    ratio,
)

READS = "lists"
DISPLAY = Display(
    title="popularity bias",
    better="neither",
    meaning="how much more popular the lists are than the histories; 0 is equal",
)


def at(lists: RankedLists, k: int, catalogue: CatalogueFacts) -> np.ndarray:
    """Mean popularity percentile of the user's first `k` minus that of the user's history.

    See `popularity_percentiles`. The result is between -1 and 1: 0 means as popular as the history,
    above 0 more popular.

    Returns:
        float64 (n_users,); NaN for an empty list or a user without a history.
    """
    percentile = popularity_percentiles(catalogue.popularity)
    top = lists.top(k)
    listed = ratio(np.where(top >= 0, percentile[top], 0.0).sum(axis=1), (top >= 0).sum(axis=1))
    return listed - catalogue.history_percentile
