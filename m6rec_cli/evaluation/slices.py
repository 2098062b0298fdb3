"""A task to named parts of its true items: by item popularity, by history length, by transition.

A slice is a set of true items. Its metrics are those of the users who have one of them, with only these as the
truth; all other items go on competing.
"""

from itertools import pairwise

import numpy as np

from m6rec_cli.data.format import TRAIN
from m6rec_cli.evaluation.task import EvaluationTask, contains

BANDS = ("head", "middle", "tail", "cold")
LENGTHS = (0, 1, 5, 10, 20, 50)


def popularity_band(popularity: np.ndarray) -> np.ndarray:
    """Each item's place in `BANDS`, int64.

    Items in falling order of training events: the head has the first 33% of the events, the middle those up
    to 67%, the tail the rest; cold items have none.
    """
    order = np.argsort(-popularity, kind="stable")
    before = np.cumsum(popularity[order]) - popularity[order]
    share = before / max(popularity.sum(), 1)
    band = np.empty(len(popularity), np.int64)
    band[order] = np.searchsorted((0.33, 0.67), share, side="right")
    band[popularity == 0] = 3
    return band


def build(task: EvaluationTask) -> dict[str, dict[str, np.ndarray]]:
    """Masks over the true items, bool (truths,), by group and name; empty ones are left out."""
    band = popularity_band(task.data.items["popularity"].to_numpy().astype(np.int64))[
        task.truth_item
    ]
    length = np.searchsorted(LENGTHS, task.history_length, side="right")[task.truth_user] - 1
    names = [f"{a}" if b - a == 1 else f"{a}-{b - 1}" for a, b in pairwise(LENGTHS)]
    names.append(f"{LENGTHS[-1]}+")
    cold = task.history_length[task.truth_user] == 0
    groups = {
        "item_popularity": {name: band == i for i, name in enumerate(BANDS)},
        "history_length": {name: length == i for i, name in enumerate(names)},
        "users": {"cold": cold, "warm": ~cold},
        "transition": transitions(task),
    }
    return {
        group: {name: mask for name, mask in parts.items() if mask.any()}
        for group, parts in groups.items()
    }


def transitions(task: EvaluationTask) -> dict[str, np.ndarray]:
    """Whether the true item followed the user's last one in somebody's training events."""
    events = task.data.events
    train = events.take(events.split == TRAIN)
    item = train.item_row.astype(np.int64)
    real = train.user_row[:-1] == train.user_row[1:]
    known = np.unique(item[:-1][real] * task.n_items + item[1:][real])
    last = task.history.last_item[task.users][task.truth_user]
    seen = (last >= 0) & contains(known, last * task.n_items + task.truth_item)
    return {"seen": seen, "unseen": ~seen}
