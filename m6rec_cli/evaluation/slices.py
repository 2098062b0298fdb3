"""An evaluation task to slices of its targets: by item popularity, history length and transition.

A slice is a set of targets. Its metrics average over the users with a target in the slice and count
no other targets; all items still compete.
"""

from itertools import pairwise

import numpy as np

from m6rec_cli.data.format import TRAIN
from m6rec_cli.data.spans import contains
from m6rec_cli.evaluation.task import EvaluationTask

BANDS = ("head", "middle", "tail", "cold")
LENGTHS = (0, 1, 5, 10, 20, 50)
TITLES = {
    "item_popularity": "By popularity of the target item",
    "history_length": "By history length",
    "users": "Cold and warm users",
    "transition": "By whether training has the step from the last item to the target",
}
"""Captions of the slice groups in reports."""

Slices = dict[str, dict[str, np.ndarray]]
"""Masks over the targets, bool (targets,), by group and slice."""


def popularity_band(popularity: np.ndarray) -> np.ndarray:
    """Index into `BANDS` for each item, int64.

    With items sorted by decreasing training events, the head has the first 33% of the events, the
    middle those up to 67% and the tail the rest; cold items have none.
    """
    order = np.argsort(-popularity, kind="stable")
    before = np.cumsum(popularity[order]) - popularity[order]
    share = before / max(popularity.sum(), 1)
    band = np.empty(len(popularity), np.int64)
    band[order] = np.searchsorted((0.33, 0.67), share, side="right")
    band[popularity == 0] = 3
    return band


def build_slices(task: EvaluationTask) -> Slices:
    """All slices with at least one target."""
    band = popularity_band(task.data.items["popularity"].to_numpy().astype(np.int64))[
        task.target_item
    ]
    length = np.searchsorted(LENGTHS, task.history_length, side="right")[task.target_query] - 1
    names = [f"{a}" if b - a == 1 else f"{a}-{b - 1}" for a, b in pairwise(LENGTHS)]
    names.append(f"{LENGTHS[-1]}+")
    is_cold = task.history_length[task.target_query] == 0
    groups = {
        "item_popularity": {name: band == i for i, name in enumerate(BANDS)},
        "history_length": {name: length == i for i, name in enumerate(names)},
        "users": {"cold": is_cold, "warm": ~is_cold},
        "transition": _transitions(task),
    }
    return {
        group: {name: mask for name, mask in masks.items() if mask.any()}
        for group, masks in groups.items()
    }


def _transitions(task: EvaluationTask) -> dict[str, np.ndarray]:
    """Whether the target directly follows the user's last item in any user's training events."""
    events = task.data.events
    train = events.take(events.split == TRAIN)
    item = train.item_row.astype(np.int64)
    same_user = train.user_row[:-1] == train.user_row[1:]
    known = np.unique(item[:-1][same_user] * task.n_items + item[1:][same_user])
    last = task.histories.last_item(np.arange(task.n_queries))[task.target_query]
    is_seen = (last >= 0) & contains(known, last * task.n_items + task.target_item)
    return {"seen": is_seen, "unseen": ~is_seen}
