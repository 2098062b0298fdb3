"""Lists to intra-list diversity: how unlike the items of one list are."""

import numpy as np

from m6rec_cli.evaluation.metrics._base import Catalogue, Lists, ratio

READS = "lists"
_ROWS = 4096


def at(lists: Lists, k: int, catalogue: Catalogue) -> np.ndarray:
    """One minus the mean cosine over all pairs of the user's first `k`.

    Items without a vector are like nothing. The pairs need no loop: the cosines of unit vectors sum to
    half of |sum v|^2 - sum |v|^2.

    Returns:
        float64 (n_users,), 0 for a list of one kind; NaN for lists of fewer than two items.
    """
    shown = lists.matrix(k, catalogue.n_items)
    vectors = catalogue.vectors
    squares = np.empty(len(lists.items))
    for start in range(0, len(squares), _ROWS):
        # A block of users at a time: the sums of co-occurrence vectors are far less sparse than the vectors.
        sums = shown[start : start + _ROWS] @ vectors
        sums.data *= sums.data
        squares[start : start + _ROWS] = np.asarray(sums.sum(axis=1)).ravel()
    n = np.asarray(shown.sum(axis=1)).ravel()
    return 1 - ratio(squares - shown @ catalogue.squares, n * (n - 1))
