"""Ranked lists to novelty: the mean self-information of the listed items, in bits."""

import numpy as np

from m6rec_cli.evaluation.metrics._base import CatalogueFacts, Display, RankedLists, ratio

READS = "lists"
DISPLAY = Display(
    title="novelty",
    better="higher",
    column=5,
    meaning="how rare listed items are, in bits",
)


def at(lists: RankedLists, k: int, catalogue: CatalogueFacts) -> np.ndarray:
    """Mean self-information -log2 p(item) over the user's first `k`.

    p(item) is the item's share of training events, with one event added to every item so that cold
    items have a finite value.

    Returns:
        float64 (n_users,); NaN for an empty list.
    """
    share = (catalogue.popularity + 1) / (catalogue.popularity.sum() + catalogue.n_items)
    top = lists.top(k)
    bits = np.where(top >= 0, -np.log2(share)[top], 0.0)
    return ratio(bits.sum(axis=1), (top >= 0).sum(axis=1))
