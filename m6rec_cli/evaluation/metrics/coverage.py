"""Ranked lists to coverage: the share of the catalogue that is in any user's list."""

import numpy as np

from m6rec_cli.evaluation.metrics._base import CatalogueFacts, Display, RankedLists

READS = "lists"
DISPLAY = Display(
    title="coverage",
    better="higher",
    column=4,
    meaning="share of the catalogue that is in any list",
)


def at(lists: RankedLists, k: int, catalogue: CatalogueFacts) -> float:
    """Distinct items among all users' first `k`, divided by the number of catalogue items."""
    top = lists.top(k)
    return len(np.unique(top[top >= 0])) / max(catalogue.n_items, 1)
