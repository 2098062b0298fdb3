"""Lists to novelty: how surprising the shown items are, in bits."""

import numpy as np

from m6rec_cli.evaluation.metrics._base import Catalogue, Lists, ratio

READS = "lists"


def at(lists: Lists, k: int, catalogue: Catalogue) -> np.ndarray:
    """Mean self-information -log2 p(item) over the user's first `k`.

    p(item) is the item's share of training events with one event added to every item, so that an item
    without any has a finite value.

    Returns:
        float64 (n_users,); NaN for an empty list.
    """
    share = (catalogue.popularity + 1) / (catalogue.popularity.sum() + catalogue.n_items)
    top = lists.top(k)
    bits = np.where(top >= 0, -np.log2(share)[top], 0.0)
    return ratio(bits.sum(axis=1), (top >= 0).sum(axis=1))
