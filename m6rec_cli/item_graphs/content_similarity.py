"""Item content to a content-similarity graph, which has neighbours of cold items too.

Two items are as similar as the cosine of their BM25 vectors. Terms are the tokens of texts, the
members of sets and the values of categories; other kinds are not compared.
"""

from collections.abc import Callable, Iterable, Sequence
from io import BufferedReader
from pathlib import Path

import numpy as np
from scipy import sparse

from m6rec_cli.data.feature_arrays import FeatureArray
from m6rec_cli.item_graphs import bm25, cooccurrence
from m6rec_cli.system.feature_spec import FeatureSpec

MAX_NEIGHBOURS = 10
PRODUCTS_PER_ITEM = 5_000
CELLS_PER_BLOCK = 20_000_000


def term_counts(
    specs: Iterable[FeatureSpec], feature: Callable[[FeatureSpec], FeatureArray]
) -> list[sparse.csr_array]:
    """For each feature that has terms, how often each item has each term, (i, terms).

    Code 0 of sets and categories is left out: it stands for all rare and unknown values.
    """
    blocks = []
    for spec in specs:
        if not _has_terms(spec):
            continue
        array = feature(spec)
        codes = np.asarray(array.values).reshape(len(array.mask), -1)
        is_term = codes >= (spec.compared_by == "values")
        item, place = np.nonzero(is_term & np.asarray(array.mask)[:, None])
        block = sparse.csr_array(
            (np.ones(len(item), np.float32), (item, codes[item, place])), (len(codes), spec.size)
        )
        block.sum_duplicates()
        blocks.append(block)
    return blocks


def similarity_graph(
    blocks: Sequence[sparse.csr_array],
    warm: np.ndarray,
    first_new: int = 0,
    *,
    on_progress: Callable[[int], object] = lambda n: None,
) -> sparse.csr_array:
    """Each item's ten nearest items by cosine similarity, and their shares.

    A share is a neighbour's part of the similarities of the ten. Where the search would take more
    than some thousand products an item, the most frequent terms, the least informative ones, are
    left out.

    Args:
        blocks: From `term_counts`.
        warm: bool (i,), the items that BM25 takes its statistics from; all items if none is warm.
        first_new: Items from this row on are compared with the items before it, which keep empty
            columns; 0 compares all items with each other.
        on_progress: Called with the number of items compared since its last call.

    Returns:
        f32 (i, i). Column j has the shares of item j's neighbours: it sums to 1, or to 0 if item j
        has no neighbours.
    """
    n = len(warm)
    if not blocks:
        return cooccurrence.empty_graph(n)
    vectors = bounded_vectors(blocks, warm, PRODUCTS_PER_ITEM)
    n_candidates = first_new or n
    candidates = sparse.csr_array(vectors[:n_candidates].T)
    size = max(1, CELLS_PER_BLOCK // max(n_candidates, 1))
    rows = [sparse.csr_array((first_new, n_candidates), dtype=np.float32)]
    for start in range(first_new, n, size):
        cosine = sparse.csr_array(vectors[start : start + size] @ candidates)
        items = np.arange(start, min(start + size, n))
        row = np.repeat(items, np.diff(cosine.indptr))
        cosine.data[row == cosine.indices] = 0  # an item is not its own neighbour
        cosine.eliminate_zeros()
        # Ties start at a different item each: else all copies of an item had the same neighbours.
        nearest = cooccurrence.top_per_row(cosine, MAX_NEIGHBOURS, tie_start=items % n_candidates)
        rows.append(cooccurrence.normalize_rows(nearest))
        on_progress(min(size, n - start))
    graph = sparse.csr_array(sparse.vstack(rows, format="csr"))
    graph.resize((n, n))
    return sparse.csr_array(graph.T.tocsr())


def add_content_neighbours(
    graph: sparse.csr_array,
    content_graph: sparse.csr_array,
    newness: np.ndarray,
    *,
    weight: float,
    cold_weight: float,
) -> sparse.csr_array:
    """The co-occurrence graph with the neighbours of a content-similarity graph.

    Args:
        newness: f32 (i,), from 1 for an item without co-occurrence neighbours to 0 for one that
            needs no other neighbours.
        weight: Weight of the content neighbours of items of newness 0.
        cold_weight: Weight of the content neighbours of items of newness 1.
    """
    weights = np.float32(weight) + np.float32(cold_weight - weight) * newness
    added = sparse.csr_array(content_graph @ sparse.diags_array(weights))
    added.eliminate_zeros()
    return sparse.csr_array(graph + added)


def bounded_vectors(
    blocks: Sequence[sparse.csr_array], warm: np.ndarray, products_per_item: int
) -> sparse.csr_array:
    """BM25 vectors without the most frequent terms, f32 (i, terms).

    Args:
        products_per_item: What a comparison of all items with each other may take.
    """
    vectors = bm25.unit_vectors(blocks, warm if warm.any() else np.ones(len(warm), bool))
    kept = _affordable_terms(_document_frequency(vectors), len(warm), products_per_item)
    return sparse.csr_array(vectors[:, np.flatnonzero(kept)])


def save_term_counts(path: Path, blocks: Sequence[sparse.csr_array]) -> None:
    """Write term counts, all features side by side."""
    sparse.save_npz(
        path, sparse.hstack(blocks, format="csr") if blocks else sparse.csr_array((0, 0))
    )


def load_term_counts(
    file: BufferedReader, specs: Iterable[FeatureSpec], n_items: int
) -> list[sparse.csr_array]:
    """Read the term counts of the features `specs` of `n_items` items.

    Raises:
        ValueError: The file is of other features or items.
    """
    joined = cooccurrence.load_graph(file)
    sizes = [spec.size for spec in specs if _has_terms(spec)]
    n_terms, n_rows = len(_document_frequency(joined)), len(joined.indptr) - 1
    if n_terms != sum(sizes):
        raise ValueError(f"it has {n_terms} terms, not {sum(sizes)}")
    if sizes and n_rows != n_items:
        raise ValueError(f"it has {n_rows} items, not {n_items}")
    ends = np.cumsum(sizes, dtype=np.int64)
    return [joined[:, end - size : end] for end, size in zip(ends, sizes, strict=True)]


def _has_terms(spec: FeatureSpec) -> bool:
    return spec.compared_by in ("values", "tokens")


def _affordable_terms(
    document_frequency: np.ndarray, n_items: int, products_per_item: int
) -> np.ndarray:
    """The rarest terms, as many as the products an item allow, bool (terms,).

    A term of n items takes n^2 products.
    """
    rarest = np.argsort(document_frequency, kind="stable")
    products = np.cumsum(document_frequency[rarest].astype(np.float64) ** 2)
    kept = np.zeros(len(document_frequency), bool)
    kept[rarest] = products <= products_per_item * n_items
    return kept


def _document_frequency(terms: sparse.csr_array) -> np.ndarray:
    """How many items have each term, (terms,)."""
    return np.diff(sparse.csc_array(terms).indptr)
