"""Counts of terms to vectors of unit length, weighed by BM25 (Robertson and Zaragoza 2009), each feature as a field."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse


def vectors(
    counts: Sequence[sparse.csr_array],
    known: np.ndarray,
    *,
    saturation: float = 0.5,
    length: float = 0.5,
) -> sparse.csr_array:
    """What items are made of, so that the product of two rows is their cosine.

    Args:
        counts: For each feature the number of times that an item has each term, (n_items, terms).
        known: bool (n_items,), items by which rarity and mean length are counted; the others change nothing.
        saturation: k1 of BM25.
        length: b of BM25.

    Returns:
        f32 (n_items, terms of all features), rows of length 1, or 0 where nothing is known.
    """
    if not counts:
        return sparse.csr_array((len(known), 1), dtype=np.float32)
    joined = sparse.hstack(
        [_weights(block, known, saturation, length) for block in counts], format="csr"
    )
    squares = np.asarray(joined.multiply(joined).sum(axis=1)).ravel()
    norm = np.divide(1, np.sqrt(squares), out=np.zeros_like(squares), where=squares > 0)
    return sparse.csr_array(sparse.diags_array(norm.astype(np.float32)) @ joined)


def _weights(
    counts: sparse.csr_array, known: np.ndarray, saturation: float, length: float
) -> sparse.csr_array:
    """idf * tf (k1 + 1) / (tf + k1 (1 - b + b * length / mean length)), float32 (n_items, terms)."""
    items_with_term = np.asarray((counts[known] > 0).sum(axis=0)).ravel()
    idf = np.log1p((known.sum() - items_with_term + 0.5) / (items_with_term + 0.5))
    lengths = np.asarray(counts.sum(axis=1)).ravel()
    counted = known & (lengths > 0)
    mean = lengths[counted].mean() if counted.any() else 1.0
    entries = counts.tocoo()
    tf = entries.data.astype(np.float64)
    damp = saturation * (1 - length + length * lengths[entries.row] / mean)
    weight = idf[entries.col] * tf * (saturation + 1) / (tf + damp)
    return sparse.csr_array((weight.astype(np.float32), (entries.row, entries.col)), counts.shape)
