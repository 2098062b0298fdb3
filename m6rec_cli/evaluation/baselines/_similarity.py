"""Item content to the most similar items of each item: BM25 vectors, and whitened dense vectors."""

import numpy as np
from scipy import sparse

from m6rec_cli.evaluation.baselines._base import History, ItemContent
from m6rec_cli.item_graphs import content_similarity, cooccurrence

_MAX_SIMILAR = 200
"""Items that are kept as similar to an item."""
PRODUCTS_PER_ITEM = 20_000
CELLS_PER_BLOCK = 20_000_000


def most_similar_items(
    history: History, n_items: int, content: ItemContent
) -> dict[str, sparse.csr_array]:
    """Cosine similarities by words and by vectors, whichever there are, (n_items, n_items) each."""
    warm = np.bincount(history.item_row, minlength=n_items) > 0
    found = {}
    if content.term_counts:
        words = content_similarity.bounded_vectors(content.term_counts, warm, PRODUCTS_PER_ITEM)
        found["words"] = _most_similar(words, n_items)
    if content.vectors:
        joined = np.concatenate([whiten(v) for v in content.vectors], axis=1)
        length = np.linalg.norm(joined, axis=1, keepdims=True)
        found["vectors"] = _most_similar(joined / np.maximum(length, np.float32(1e-12)), n_items)
    return found


def _most_similar(vectors: sparse.csr_array | np.ndarray, n: int) -> sparse.csr_array:
    """The largest positive products of the n rows with each other, f32 (n, n)."""
    transposed = vectors.T
    size = max(1, CELLS_PER_BLOCK // max(n, 1))
    blocks = []
    for start in range(0, n, size):
        product = vectors[start : start + size] @ transposed
        if isinstance(product, np.ndarray):
            k = min(_MAX_SIMILAR, n)
            floor = np.partition(product, n - k, axis=1)[:, n - k, None]
            product = np.where(product >= np.maximum(floor, 0), product, 0)
        block = sparse.csr_array(product, dtype=np.float32)
        blocks.append(cooccurrence.top_per_row(block, _MAX_SIMILAR))
    if not blocks:
        return cooccurrence.empty_graph(n)
    return sparse.csr_array(sparse.vstack(blocks, format="csr"))


def whiten(vectors: np.ndarray) -> np.ndarray:
    """Decorrelate vectors by their principal components and scale them to length 1.

    Frozen encoders put all vectors into a narrow cone; whitened, their cosines tell items apart.

    Args:
        vectors: f32 (n_items, d); a row of an item without a vector is 0.
    """
    known = vectors.any(axis=1)
    if known.sum() < 2:
        return np.zeros_like(vectors)
    centred = vectors[known].astype(np.float64)
    centred -= centred.mean(axis=0)
    values, axes = np.linalg.eigh(centred.T @ centred / len(centred))
    # Directions with hardly any variance are noise: they are not blown up.
    centred = centred @ (axes / np.sqrt(np.maximum(values, 1e-3 * max(values[-1], 1e-12))))
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    out = np.zeros(vectors.shape, np.float32)
    out[known] = centred / np.maximum(length, 1e-12)
    return out
