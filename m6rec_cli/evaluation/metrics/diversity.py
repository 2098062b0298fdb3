"""Ranked lists to intra-list diversity: how dissimilar the items of one list are."""

import numpy as np

from m6rec_cli.evaluation.metrics._base import CatalogueFacts, Display, RankedLists, ratio

READS = "lists"
DISPLAY = Display(
    title="diversity",
    better="higher",
    column=6,
    meaning="how different the items of one list are; 1 is no similarity",
)
_ROWS = 4096


def at(lists: RankedLists, k: int, catalogue: CatalogueFacts) -> np.ndarray:
    """One minus the mean cosine similarity over all pairs of the user's first `k`.

    Items without a vector have similarity 0. The cosines of all pairs of unit vectors sum to
    (|sum v|^2 - sum |v|^2) / 2, so no loop over pairs is needed.

    Returns:
        float64 (n_users,), 0 if all items are identical; NaN for lists of fewer than two items.
    """
    listed = lists.matrix(k, catalogue.n_items)
    vectors = catalogue.vectors
    squares = np.empty(len(lists.items))
    for start in range(0, len(squares), _ROWS):
        # By blocks of users: sums of co-occurrence vectors are much less sparse than the vectors.
        sums = listed[start : start + _ROWS] @ vectors
        sums.data *= sums.data
        squares[start : start + _ROWS] = np.asarray(sums.sum(axis=1)).ravel()
    n = np.asarray(listed.sum(axis=1)).ravel()
    return 1 - ratio(squares - listed @ catalogue.squared_lengths, n * (n - 1))
