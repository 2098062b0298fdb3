"""Item graphs to second neighbours: items two steps away, by histories and by content.

Few pairs of items were ever bought together. What was bought with something similar, what is
similar to what was bought with it, and what was bought with the same third item say more where
events are few: two steps of a random walk over both graphs reach all three.
"""

import numpy as np
from scipy import sparse

from m6rec_cli.item_graphs.cooccurrence import normalize_rows, top_per_row

MAX_NEIGHBOURS = 100
MAX_STEPS = 30
"""Co-occurrence neighbours of an item that a step may lead to; more cost time and add nothing."""
_ITEMS_PER_BLOCK = 5_000


def fit(cooccurrence: sparse.csr_array, content_similarity: sparse.csr_array) -> sparse.csr_array:
    """Each item's second neighbours and their shares of the walks that start there.

    A step leads to one of the 30 largest co-occurrence neighbours or to an item that this one is
    similar to; the weights of each kind sum to 1 at most. Walks back to their start do not count.

    Args:
        cooccurrence: Shares of neighbours in histories, f32 (i, i).
        content_similarity: From `content_similarity.similarity_graph`, f32 (i, i).

    Returns:
        f32 (i, i), the 100 largest shares of each row. Without content it is empty: two steps over
        co-occurrence alone make lists no better than one.
    """
    if not content_similarity.nnz:
        return sparse.csr_array(cooccurrence.shape, dtype=np.float32)
    steps = top_per_row(cooccurrence, MAX_STEPS) + normalize_rows(content_similarity)
    steps = sparse.csr_array(steps)
    blocks = []
    for start in range(0, len(steps.indptr) - 1, _ITEMS_PER_BLOCK):
        walks = sparse.csr_array(steps[start : start + _ITEMS_PER_BLOCK] @ steps)
        row = np.repeat(np.arange(len(walks.indptr) - 1), np.diff(walks.indptr))
        walks.data[walks.indices == row + start] = 0
        walks.eliminate_zeros()
        blocks.append(normalize_rows(top_per_row(walks, MAX_NEIGHBOURS)))
    return sparse.csr_array(sparse.vstack(blocks, format="csr"))
