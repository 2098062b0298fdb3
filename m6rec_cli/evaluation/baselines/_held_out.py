"""Histories to their last events and what was before, from which weights are learned."""

import numpy as np

from m6rec_cli.evaluation.baselines._base import History

SHARE = 0.1
"""Held out of each user where all later events are asked for: splits by time take about as much."""


def last_events(history: History) -> tuple[History, np.ndarray, np.ndarray]:
    """The last labelled events of users, and all histories before them.

    It is each user's last one or, if all later events are asked for, the last tenth. Users with no
    earlier event keep their events and are left out.

    Returns:
        Histories before the first event held out, the user of each item held out, sorted, and the
        items; an item once per user.
    """
    n = len(history.item_row)
    labelled = np.arange(n) if history.label is None else np.flatnonzero(history.label)
    user = history.user_row[labelled]
    stop = np.searchsorted(user, user, side="right")
    n_labelled = stop - np.searchsorted(user, user)
    share = SHARE if history.asks_for_all else 0
    n_held = np.maximum(1, (share * n_labelled).astype(np.int64))
    held = labelled[np.arange(len(user)) >= stop - n_held]
    owner = history.user_row[held]
    first = held[np.searchsorted(owner, owner)]
    held, owner = (x[first > history.offsets[owner]] for x in (held, owner))
    ends = history.offsets[1:].copy()
    np.minimum.at(ends, owner, held)
    kept = np.arange(n) < ends[history.user_row]
    sizes = np.bincount(history.user_row[kept], minlength=len(ends))
    earlier = History(
        history.user_row[kept], history.item_row[kept], np.concatenate([[0], np.cumsum(sizes)])
    )
    pairs = np.unique(np.stack([owner, history.item_row[held]]).astype(np.int64), axis=1)
    return earlier, pairs[0], pairs[1]
