"""Item neighbours: cosine similarity of the items' users, summed over a user's history."""

import numpy as np
from scipy import sparse

from m6rec_cli.evaluation.baselines import _base

READS = "events"
RANKS_BY = "users in common with the history"

BLOCK_NONZEROS = 20_000_000
"""Products of item pairs that are in memory at once."""


def fit(
    history: _base.History,
    n_users: int,
    n_items: int,
    *,
    neighbours: int = 20,
    shrink: float = 20.0,
) -> _base.FittedBaseline:
    """Compute each item's nearest neighbours (Sarwar et al. 2001, with shrinkage).

    Args:
        neighbours: Neighbours kept per item.
        shrink: Added to the denominator, so few common users do not give a high similarity.
    """
    seen = history.matrix(n_items)
    degree = np.asarray(seen.sum(axis=0)).ravel()
    by_item = seen.T.tocsr()
    length = np.sqrt(degree)
    # The work for an item is the number of its users' events. Blocks bound the memory.
    work = np.cumsum(by_item @ np.diff(seen.indptr))
    blocks, start = [], 0
    while start < n_items:
        done = work[start - 1] if start else 0
        end = max(start + 1, int(np.searchsorted(work, done + BLOCK_NONZEROS, side="right")))
        common = (by_item[start:end] @ seen).tocoo()
        row, column = common.row + start, common.col
        value = common.data / (length[row] * length[column] + np.float32(shrink))
        keep = row != column
        blocks.append(
            _nearest(
                row[keep] - start,
                column[keep],
                value[keep],
                min(end, n_items) - start,
                n_items,
                neighbours,
            )
        )
        start = end
    weights = (
        sparse.csr_array(sparse.vstack(blocks, format="csr"))
        if blocks
        else sparse.csr_array((0, 0))
    )
    tie_breaker = np.float32(1e-5) * _base.popularity(history, n_items)
    return _base.ItemWeights(weights, tie_breaker)


def _nearest(
    row: np.ndarray, column: np.ndarray, value: np.ndarray, n_rows: int, n_items: int, k: int
) -> sparse.csr_array:
    """The `k` largest values of each row; ties go to the lower column."""
    order = np.lexsort((column, -value, row))
    row, column, value = row[order], column[order], value[order]
    count = np.bincount(row, minlength=n_rows)
    rank = np.arange(len(row)) - (np.cumsum(count) - count)[row]
    keep = rank < k
    return sparse.csr_array((value[keep], (row[keep], column[keep])), (n_rows, n_items))
