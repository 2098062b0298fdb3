"""Lists to coverage: the share of the catalogue that anybody was shown."""

import numpy as np

from m6rec_cli.evaluation.metrics._base import Catalogue, Lists

READS = "lists"


def at(lists: Lists, k: int, catalogue: Catalogue) -> float:
    """Different items among all users' first `k`, divided by the items of the catalogue."""
    top = lists.top(k)
    return len(np.unique(top[top >= 0])) / max(catalogue.n_items, 1)
