"""What items are made of to which are most alike: neighbours that an item has before anybody has met it.

Texts, sets and categories are compared, as the cosine of their BM25 vectors; see `neighbours` for what comes of it.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from scipy import sparse

from m6rec_cli.data.store import FeatureArray
from m6rec_cli.item_graphs import bm25, cooccurrence
from m6rec_cli.system.feature_spec import FeatureSpec

KINDS = ("text", "set", "categorical")
"""Features that tell how alike two items are."""

_KEPT = 10
_WORK_PER_ITEM = 5_000
_CELLS_AT_ONCE = 20_000_000


def counts(
    specs: Iterable[FeatureSpec], feature: Callable[[FeatureSpec], FeatureArray]
) -> list[sparse.csr_array]:
    """How often each item has each token, member or category, (n_items, terms) for each feature that can be compared.

    Code 0 of sets and categories stands for all that is rare or unknown: sharing it says nothing, so it is left out.
    """
    blocks = []
    for spec in specs:
        if spec.kind not in KINDS:
            continue
        found = feature(spec)
        codes = np.asarray(found.values).reshape(len(found.mask), -1)
        item, place = np.nonzero((codes >= (spec.kind != "text")) & np.asarray(found.mask)[:, None])
        block = sparse.csr_array(
            (np.ones(len(item), np.float32), (item, codes[item, place])), (len(codes), spec.size)
        )
        block.sum_duplicates()
        blocks.append(block)
    return blocks


def graph(
    blocks: Sequence[sparse.csr_array],
    known: np.ndarray,
    first: int = 0,
    *,
    told: Callable[[int], object] = lambda n: None,
) -> sparse.csr_array:
    """The shares of the ten items that are most alike to each item, by their cosine.

    Where the search would take more than some thousand products an item, the terms that most items have, which tell the
    least, are left out of it.

    Args:
        blocks: From `counts`.
        known: bool (i,), items by which the rarity of terms is counted; of all if none is.
        first: Items before this one keep an empty column, and the others are compared with them alone.
        told: Called now and then with how many items have been compared since.

    Returns:
        f32 (i, i): in column j the items that j is alike to, whose shares sum to 1, or nothing.
    """
    n = len(known)
    if not blocks:
        return cooccurrence.empty(n)
    made = bm25.vectors(blocks, known if known.any() else np.ones(n, bool))
    made = made[:, np.flatnonzero(_searched(_items_of(made), n))]
    n_others = first or n
    others = sparse.csr_array(made[:n_others].T)
    size = max(1, _CELLS_AT_ONCE // max(n_others, 1))
    found = [sparse.csr_array((first, n_others), dtype=np.float32)]
    for start in range(first, n, size):
        cosine = sparse.csr_array(made[start : start + size] @ others)
        mine = np.arange(start, min(start + size, n))
        row = np.repeat(mine, np.diff(cosine.indptr))
        cosine.data[row == cosine.indices] = 0  # an item is no neighbour of itself
        cosine.eliminate_zeros()
        # Of items that are made the same each has others as neighbours, or the first ones would be those of all.
        found.append(
            cooccurrence.shares(cooccurrence.largest(cosine, _KEPT, after=mine % n_others))
        )
        told(min(size, n - start))
    columns = sparse.csr_array(sparse.vstack(found, format="csr"))
    columns.resize((n, n))
    return sparse.csr_array(columns.T.tocsr())


def save(path: Path, blocks: Sequence[sparse.csr_array]) -> None:
    """Write counts."""
    sparse.save_npz(
        path, sparse.hstack(blocks, format="csr") if blocks else sparse.csr_array((0, 0))
    )


def load(path: Path, specs: Iterable[FeatureSpec], n_items: int) -> list[sparse.csr_array]:
    """Read the counts of the features `specs` of `n_items` items.

    Raises:
        OSError, ValueError: They are missing, or damaged.
    """
    joined, sizes = cooccurrence.load(path), [spec.size for spec in specs if spec.kind in KINDS]
    n_terms, n_rows = len(_items_of(joined)), len(joined.indptr) - 1
    if n_terms != sum(sizes):
        raise ValueError(f"it has {n_terms} terms, not {sum(sizes)}")
    if sizes and n_rows != n_items:
        raise ValueError(f"it has {n_rows} items, not {n_items}")
    ends = np.cumsum(sizes, dtype=np.int64)
    return [joined[:, end - size : end] for end, size in zip(ends, sizes, strict=True)]


def _searched(items: np.ndarray, n_items: int) -> np.ndarray:
    """The terms that are looked at: the rarest ones, as many as the work allows, bool (terms,)."""
    rarest = np.argsort(items, kind="stable")
    kept = np.zeros(len(items), bool)
    kept[rarest] = np.cumsum(items[rarest].astype(np.float64) ** 2) <= _WORK_PER_ITEM * n_items
    return kept


def _items_of(terms: sparse.csr_array) -> np.ndarray:
    """How many items have each term, (terms,)."""
    return np.diff(sparse.csc_array(terms).indptr)
