"""Lists to the Gini index of exposure: 0 if every item is shown equally often, near 1 if one takes all."""

import numpy as np

from m6rec_cli.evaluation.metrics._base import Catalogue, Lists

READS = "lists"


def at(lists: Lists, k: int, catalogue: Catalogue) -> float:
    """The Gini index of how often each item of the catalogue is among users' first `k`.

    Items that nobody was shown count with 0. If nothing was shown at all it is NaN.
    """
    top = lists.top(k)
    shown = np.sort(np.bincount(top[top >= 0], minlength=catalogue.n_items))
    n, total = len(shown), shown.sum()
    if total == 0:
        return float("nan")
    return float((2 * np.arange(1, n + 1) - n - 1) @ shown / (n * total))
