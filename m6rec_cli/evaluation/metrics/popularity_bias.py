"""Lists to popularity bias: how much more popular the shown items are than those the user chose."""

import numpy as np

from m6rec_cli.evaluation.metrics._base import Catalogue, Lists, ratio

READS = "lists"


def at(lists: Lists, k: int, catalogue: Catalogue) -> np.ndarray:
    """Mean popularity position of the user's first `k` minus that of the user's history.

    An item's position is the share of training events that belong to less popular items, plus half of the
    events of equally popular ones: an event drawn at random has the mean position 0.5. The result lies
    between -1 and 1; 0 means as popular as the history, above 0 more popular.

    Returns:
        float64 (n_users,); NaN for an empty list or a user without history.
    """
    position = positions(catalogue.popularity)
    top = lists.top(k)
    shown = ratio(np.where(top >= 0, position[top], 0.0).sum(axis=1), (top >= 0).sum(axis=1))
    history = catalogue.history
    chosen = ratio(history @ position, np.asarray(history.sum(axis=1), np.float64).ravel())
    return shown - chosen


def positions(popularity: np.ndarray) -> np.ndarray:
    """Each item's popularity position, float64 (n_items,) from 0 to 1."""
    values, group = np.unique(popularity, return_inverse=True)
    events = np.bincount(group, popularity, minlength=len(values))
    return ((np.cumsum(events) - events / 2) / max(events.sum(), 1))[group]
