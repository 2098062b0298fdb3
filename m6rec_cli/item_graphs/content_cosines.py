"""Item content to the items most similar to each item: BM25 vectors, and whitened frozen vectors.

The neighbours of `content_similarity` are few, and shared out among the items; these are many, with
the cosines themselves.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from scipy import sparse

from m6rec_cli.data.feature_arrays import FeatureArray
from m6rec_cli.item_graphs import content_similarity, cooccurrence
from m6rec_cli.system.feature_spec import FeatureSpec

NAMES = ("words", "vectors")
"""Ways of comparing the content of two items."""
MAX_SIMILAR = 100
"""Items that are kept as similar to an item."""
PRODUCTS_PER_ITEM = 20_000
CELLS_PER_BLOCK = 20_000_000
N_RECENT_EVENTS = 5
"""Recent events of a user that candidates are compared with; older ones would count for 3%."""
DECAY = 0.5
"""Weight of an event relative to the next one."""


def filled_vectors(
    specs: Iterable[FeatureSpec], feature: Callable[[FeatureSpec], FeatureArray]
) -> list[np.ndarray]:
    """The frozen vectors of items, f32 (i, d) for each such feature; missing ones are 0."""
    arrays = [feature(spec) for spec in specs if spec.compared_by == "vectors"]
    return [np.where(a.mask[:, None], a.values, 0).astype(np.float32) for a in arrays]


def most_similar_items(
    term_counts: Sequence[sparse.csr_array], vectors: Sequence[np.ndarray], warm: np.ndarray
) -> dict[str, sparse.csr_array]:
    """Cosines of the most similar items of each item, f32 (i, i), by each of `NAMES` that there is.

    Args:
        term_counts: From `content_similarity.term_counts`, a matrix for each feature.
        vectors: f32 (i, d) for each feature; a row of an item without a vector is 0.
        warm: bool (i,), the items that document frequencies are taken from.
    """
    found = {}
    if term_counts:
        words = content_similarity.bounded_vectors(term_counts, warm, PRODUCTS_PER_ITEM)
        found["words"] = _largest_products(words, np.arange(len(warm)), len(warm))
    if vectors:
        joined = np.concatenate([whiten(v) for v in vectors], axis=1)
        length = np.linalg.norm(joined, axis=1, keepdims=True)
        unit = joined / np.maximum(length, np.float32(1e-12))
        found["vectors"] = _largest_products(unit, np.arange(len(warm)), len(warm))
    return found


def with_new_items(
    words: sparse.csr_array, term_counts: Sequence[sparse.csr_array], warm: np.ndarray
) -> sparse.csr_array:
    """The cosines `words` of the first items with those of new items, f32 (i, i).

    Args:
        words: From `most_similar_items`, of the items before the new ones.
        term_counts: Of all items.
        warm: Of all items.
    """
    n_old, n = len(words.indptr) - 1, len(warm)
    whole = sparse.csr_array(words.copy())
    whole.resize((n, n))
    if not term_counts or n == n_old:
        return whole
    vectors = content_similarity.bounded_vectors(term_counts, warm, PRODUCTS_PER_ITEM)
    new = _largest_products(vectors, np.arange(n_old, n), n)
    padding = sparse.csr_array((n_old, n), dtype=np.float32)
    rows = sparse.csr_array(sparse.vstack([padding, new], format="csr"))
    old_columns = sparse.csr_array(rows[:, :n_old].T.tocsr())
    old_columns.resize((n, n))
    return sparse.csr_array(whole + rows + old_columns)


def of_users(
    cosines: sparse.csr_array, owner: np.ndarray, item_row: np.ndarray, n_users: int
) -> sparse.csr_array:
    """Mean cosine of each item to the recent events of each user, weighted by 0.5^age.

    Args:
        cosines: From `most_similar_items`.
        owner: The user of each event, sorted; the last event of a user has the age 0.
        item_row: The items of the events.

    Returns:
        f32 (users, i).
    """
    recent = cooccurrence.recent_items(owner, item_row, (n_users, len(cosines.indptr) - 1), DECAY)
    return sparse.csr_array(recent @ cosines)


def _largest_products(
    vectors: sparse.csr_array | np.ndarray, rows: np.ndarray, n: int
) -> sparse.csr_array:
    """The largest positive products of some of the n rows with all rows, f32 (rows, n)."""
    transposed = vectors.T
    size = max(1, CELLS_PER_BLOCK // max(n, 1))
    blocks = []
    for start in range(0, len(rows), size):
        product = vectors[rows[start : start + size]] @ transposed
        if isinstance(product, np.ndarray):
            k = min(MAX_SIMILAR, n)
            floor = np.partition(product, n - k, axis=1)[:, n - k, None]
            product = np.where(product >= np.maximum(floor, 0), product, 0)
        block = sparse.csr_array(product, dtype=np.float32)
        blocks.append(cooccurrence.top_per_row(block, MAX_SIMILAR))
    if not blocks:
        return cooccurrence.empty_graph(n)
    return sparse.csr_array(sparse.vstack(blocks, format="csr"))


def whiten(vectors: np.ndarray) -> np.ndarray:
    """Decorrelate vectors by their principal components and scale them to length 1.

    Frozen encoders put all vectors into a narrow cone; whitened, their cosines tell items apart.

    Args:
        vectors: f32 (i, d); a row of an item without a vector is 0.
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
