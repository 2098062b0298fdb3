"""Ranked lists to the Gini index of exposure: 0 if all items are listed equally often."""

import numpy as np

from m6rec_cli.evaluation.metrics._base import CatalogueFacts, Display, RankedLists

READS = "lists"
DISPLAY = Display(
    title="Gini index",
    better="lower",
    meaning="how unevenly lists use the catalogue: 0 is even, 1 is one item for all",
)


def at(lists: RankedLists, k: int, catalogue: CatalogueFacts) -> float:
    """Gini index of how often each catalogue item is among users' first `k`.

    Items in no list count as 0; near 1, a single item fills all lists. NaN if all lists are empty.
    """
    top = lists.top(k)
    exposure = np.sort(np.bincount(top[top >= 0], minlength=catalogue.n_items))
    n, total = len(exposure), exposure.sum()
    if total == 0:
        return float("nan")
    return float((2 * np.arange(1, n + 1) - n - 1) @ exposure / (n * total))
