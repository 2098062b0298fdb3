"""Term counts of items to BM25 vectors of unit length (Robertson and Zaragoza 2009)."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse


def unit_vectors(
    counts: Sequence[sparse.csr_array],
    warm: np.ndarray,
    *,
    saturation: float = 0.5,
    length: float = 0.5,
) -> sparse.csr_array:
    """BM25 vectors scaled to length 1: the product of two rows is their cosine similarity.

    Each feature is a field of its own: its terms are weighted by the statistics of that field.

    Args:
        counts: For each feature how often each item has each term, (i, terms).
        warm: bool (i,), the items that document frequencies and mean lengths are taken from.
        saturation: k1 of BM25.
        length: b of BM25.

    Returns:
        f32 (i, terms of all features); a row of an item without terms is 0.
    """
    if not counts:
        return sparse.csr_array((len(warm), 1), dtype=np.float32)
    joined = sparse.hstack(
        [_weights(block, warm, saturation, length) for block in counts], format="csr"
    )
    squares = np.asarray(joined.multiply(joined).sum(axis=1)).ravel()
    norm = np.divide(1, np.sqrt(squares), out=np.zeros_like(squares), where=squares > 0)
    return sparse.csr_array(sparse.diags_array(norm.astype(np.float32)) @ joined)


def _weights(
    counts: sparse.csr_array, warm: np.ndarray, saturation: float, length: float
) -> sparse.csr_array:
    """idf * tf (k1 + 1) / (tf + k1 (1 - b + b * length / mean length)), f32 (i, terms).

    idf = ln(1 + (N - df + 0.5) / (df + 0.5)) over the N warm items, of which df have the term.
    """
    document_frequency = np.asarray((counts[warm] > 0).sum(axis=0)).ravel()
    idf = np.log1p((warm.sum() - document_frequency + 0.5) / (document_frequency + 0.5))
    lengths = np.asarray(counts.sum(axis=1)).ravel()
    counted = warm & (lengths > 0)
    mean = lengths[counted].mean() if counted.any() else 1.0
    entries = counts.tocoo()
    tf = entries.data.astype(np.float64)
    damping = saturation * (1 - length + length * lengths[entries.row] / mean)
    weight = idf[entries.col] * tf * (saturation + 1) / (tf + damping)
    return sparse.csr_array((weight.astype(np.float32), (entries.row, entries.col)), counts.shape)
