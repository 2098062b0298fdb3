"""Histories to their last events and what was before, from which weights are learned."""

import numpy as np

from m6rec_cli.evaluation.baselines._base import History


def last_events(history: History) -> tuple[History, np.ndarray, np.ndarray]:
    """Histories before each user's last labelled event, these users, and the items of the events.

    Users with no earlier event keep their event and are left out.
    """
    n = len(history.item_row)
    labelled = np.arange(n) if history.label is None else np.flatnonzero(history.label)
    of_user = history.user_row[labelled]
    last = labelled[np.append(of_user[1:] != of_user[:-1], True)[: len(of_user)]]
    last = last[last > history.offsets[history.user_row[last]]]
    users = history.user_row[last].astype(np.int64)
    ends = history.offsets[1:].copy()
    ends[users] = last
    kept = np.arange(n) < ends[history.user_row]
    sizes = np.bincount(history.user_row[kept], minlength=len(ends))
    earlier = History(
        history.user_row[kept], history.item_row[kept], np.concatenate([[0], np.cumsum(sizes)])
    )
    return earlier, users, history.item_row[last].astype(np.int64)
