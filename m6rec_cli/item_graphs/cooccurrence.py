"""Histories to a graph of what stood near what, and a user's last events to what stood near them.

A model of some thousand parameters an item forgets single cases that a table of them remembers. As nearest neighbours
interpolate a language model (Khandelwal et al., 2020, arXiv:1911.00172), the shares q that are read from the graph raise
the model's probabilities p: p'(i) is proportional to p(i) (1 + w n q(i)) over n items, so that w is the weight of an item
that is met as often as evenly drawn ones would be. An item without neighbours keeps its probability, up to the common
factor. See `alike` for neighbours that are not of histories.
"""

import zlib
from itertools import pairwise
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from scipy import sparse

READ = 10
"""Last events of a user whose neighbours count; older ones would have a tenth of the weight in all."""

_REACH, _DECAY, _BACKWARD = 10, 0.8, 0.5
_KEPT = 100
_EVENTS_AT_ONCE = 250_000


def fit(user_row: np.ndarray, item_row: np.ndarray, n_items: int) -> sparse.csr_array:
    """The shares of each item's neighbours among what stands near it.

    Of two different items of one history at most ten events apart, the later is a neighbour of the earlier with the
    weight 0.8^(distance - 1), and the earlier one of the later with half of that.

    Args:
        user_row: Sorted, the events of a user in their order.
        item_row: The items of the events.

    Returns:
        f32 (i, i), rows that sum to 1 or are empty; of many neighbours those with the hundred largest shares.
    """
    # Memory is bounded by the pairs of a block of items, not by those of all.
    order = np.argsort(item_row, kind="stable")
    begins = np.concatenate([[0], np.bincount(item_row, minlength=n_items).cumsum()])
    cuts = np.searchsorted(begins, np.arange(_EVENTS_AT_ONCE, len(item_row), _EVENTS_AT_ONCE))
    blocks = [
        largest(
            shares(
                _block(
                    user_row, item_row, order[begins[first] : begins[last]], first, last, n_items
                )
            ),
            _KEPT,
        )
        for first, last in pairwise(np.unique([0, *cuts, n_items]).tolist())
    ]
    return sparse.csr_array(sparse.vstack(blocks, format="csr")) if blocks else empty(n_items)


def empty(n_items: int) -> sparse.csr_array:
    """A graph without neighbours."""
    return sparse.csr_array((n_items, n_items), dtype=np.float32)


def near(
    graph: sparse.csr_array, owner: np.ndarray, item_row: np.ndarray, n_users: int
) -> sparse.csr_array:
    """The shares q of what stood near some events of each user, f32 (users, i): an event weighs 0.8^age.

    Args:
        owner: The user of each event, sorted; the events of one in their order, of which the last has the age 0.
        item_row: The items of the events.
    """
    age = np.searchsorted(owner, owner, side="right") - 1 - np.arange(len(owner))
    weight = (_DECAY**age).astype(np.float32)
    weight /= np.bincount(owner, weight, n_users)[owner].astype(np.float32)
    asked = sparse.coo_array(
        (weight, (owner, item_row)), (n_users, len(graph.indptr) - 1), dtype=np.float32
    )
    return sparse.csr_array(asked.tocsr() @ graph)


def shares(weights: sparse.csr_array) -> sparse.csr_array:
    """Weights as parts of the sum of their row."""
    total = np.repeat(weights.sum(axis=1), np.diff(weights.indptr))
    return sparse.csr_array((weights.data / total, weights.indices, weights.indptr), weights.shape)


def largest(
    found: sparse.csr_array, kept: int, after: np.ndarray | None = None
) -> sparse.csr_array:
    """The `kept` largest of each row; of equal ones those of the first items.

    Args:
        after: int (rows,), the item that counts as the one before the first, for each row.
    """
    begins, data = np.asarray(found.indptr, np.int64), np.asarray(found.data, np.float32)
    chosen = np.ones(len(data), bool)
    for row in np.flatnonzero(np.diff(begins) > kept):
        mine = data[begins[row] : begins[row + 1]]
        least = np.partition(mine, len(mine) - kept)[len(mine) - kept]
        is_kept = mine > least
        equal = np.flatnonzero(mine == least)
        item = found.indices[begins[row] + equal]
        if after is not None:
            item = item + np.where(item > after[row], 0, 1 << 32)  # beyond all others
        is_kept[equal[np.argsort(item)[: kept - is_kept.sum()]]] = True
        chosen[begins[row] : begins[row + 1]] = is_kept
    before = np.concatenate([[0], np.cumsum(chosen)])
    return sparse.csr_array((data[chosen], found.indices[chosen], before[begins]), found.shape)


def rows_of(graph: sparse.csr_array, rows: np.ndarray) -> sparse.csr_array:
    """The graph of another catalogue, whose items are `rows` of this one; -1 is an item without neighbours."""
    known = np.flatnonzero(rows >= 0)
    # A matrix that takes items of this catalogue to those of the other.
    take = sparse.csr_array(
        (np.ones(len(known), np.float32), (known, rows[known])),
        shape=(len(rows), len(graph.indptr) - 1),
    )
    return sparse.csr_array(take @ graph @ take.T)


def save(path: Path, graph: sparse.csr_array) -> None:
    """Write a graph."""
    sparse.save_npz(path, graph)


def load(path: Path) -> sparse.csr_array:
    """Read a graph.

    Raises:
        OSError, ValueError: It is missing, or damaged.
    """
    with path.open("rb") as file:  # numpy leaves a damaged file open
        try:
            return sparse.csr_array(sparse.load_npz(file))
        except (KeyError, BadZipFile, zlib.error) as error:
            raise ValueError(str(error)) from error


def _block(
    user_row: np.ndarray,
    item_row: np.ndarray,
    events: np.ndarray,
    first: int,
    last: int,
    n_items: int,
) -> sparse.csr_array:
    """Weights of the neighbours of the items `first:last`, whose events are given, f32 (last - first, i)."""
    item, neighbour, weights = [], [], []
    for distance in range(1, _REACH + 1):
        for step, weight in ((distance, 1.0), (-distance, _BACKWARD)):
            at = events[(events + step >= 0) & (events + step < len(item_row))]
            at = at[(user_row[at] == user_row[at + step]) & (item_row[at] != item_row[at + step])]
            item.append(item_row[at] - np.int32(first))
            neighbour.append(item_row[at + step])
            weights.append(np.full(len(at), weight * _DECAY ** (distance - 1), np.float32))
    pairs = np.concatenate(item), np.concatenate(neighbour)
    total = sparse.coo_array((np.concatenate(weights), pairs), (last - first, n_items)).tocsr()
    total.sum_duplicates()
    return sparse.csr_array(total)
