"""Ranked lists to popularity bias: how much more popular the list is than the user's history."""

import numpy as np

from m6rec_cli.evaluation.metrics._base import CatalogueFacts, Display, RankedLists, ratio

READS = "lists"
DISPLAY = Display(title="popularity bias", better="neither")


def at(lists: RankedLists, k: int, catalogue: CatalogueFacts) -> np.ndarray:
    """Mean popularity percentile of the user's first `k` minus that of the user's history.

    An item's percentile is the share of training events of less popular items, plus half the share
    of equally popular ones; over events it averages 0.5. The result is between -1 and 1: 0 means as
    popular as the history, above 0 more popular.

    Returns:
        float64 (n_users,); NaN for an empty list or a user without a history.
    """
    percentile = percentiles(catalogue.popularity)
    top = lists.top(k)
    listed = ratio(np.where(top >= 0, percentile[top], 0.0).sum(axis=1), (top >= 0).sum(axis=1))
    history = catalogue.history
    chosen = ratio(history @ percentile, np.asarray(history.sum(axis=1), np.float64).ravel())
    return listed - chosen


def percentiles(popularity: np.ndarray) -> np.ndarray:
    """Popularity percentile of each item, float64 (n_items,), from 0 to 1."""
    values, group = np.unique(popularity, return_inverse=True)
    events = np.bincount(group, popularity, minlength=len(values))
    return ((np.cumsum(events) - events / 2) / max(events.sum(), 1))[group]
