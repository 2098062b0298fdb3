"""Histories to a co-occurrence graph of items, and a user's recent events to shares of neighbours.

A model with a few vectors an item does not memorise rare pairs of items; a table of counts does. As
nearest neighbours interpolate a language model (Khandelwal et al. 2020, arXiv 1911.00172), the
shares q read from the graph raise the probabilities p of the model: p'(i) is proportional to
p(i) (1 + w n q(i)) over n items. An item with the share of an even draw, 1 / n, gains the factor
1 + w; an item without a share keeps its probability, up to the common factor.
`content_similarity` has neighbours that do not depend on histories.
"""

from collections.abc import Callable, Iterable, Iterator
from io import BufferedReader
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy import sparse

N_RECENT_EVENTS = 10
"""Recent events of a user that are looked up; all older ones would have a tenth of the weight."""

DECAY = 0.8
"""Weight of an event relative to the next one."""

_WINDOW, _BACKWARD_WEIGHT = 10, 0.5
MAX_NEIGHBOURS = 100
EVENTS_PER_BLOCK = 250_000

_MAX_BLOCKS = 100
MAX_PAIRS = 2**23
"""Pairs of neighbours that are summed at a time, if the items of a block have more of them."""
_STEPS = [step for distance in range(1, _WINDOW + 1) for step in (distance, -distance)]
_WEIGHTS = np.array(
    [DECAY ** (abs(step) - 1) * (1 if step > 0 else _BACKWARD_WEIGHT) for step in _STEPS],
    np.float32,
)

Pairs = tuple[np.ndarray, np.ndarray]
Histories = Callable[[], Iterable[Pairs]]
"""Reads the users and the items of all events, a part at a time; no history is in two parts."""


def fit(user_row: np.ndarray, item_row: np.ndarray, n_items: int) -> sparse.csr_array:
    """The co-occurrence graph: each item's neighbours in histories, and their shares.

    For two different items at most 10 events apart in a history, the later is a neighbour of the
    earlier with the weight 0.8^(distance - 1), and the earlier of the later with half of that.
    A share is a neighbour's part of the weights of all neighbours of an item.

    Args:
        user_row: Sorted; the events of a user are in order of time.
        item_row: The items of the events.

    Returns:
        f32 (i, i), the 100 largest shares of each row; a row sums to 1 at most.
    """
    popularity = np.bincount(item_row, minlength=n_items)
    return fit_histories(lambda: [(user_row, item_row)], popularity)


def fit_histories(histories: Histories, popularity: np.ndarray) -> sparse.csr_array:
    """The graph of `fit`, of histories that are read part by part, once for each block of items.

    Args:
        popularity: Events of each item, (n_items,).
    """

    def shares(parts: Iterable[Pairs], items: range) -> sparse.csr_array:
        return normalize_rows(_neighbour_weights(parts, items, len(popularity)))

    return fit_by_blocks(histories, popularity, EVENTS_PER_BLOCK, shares)


def fit_by_blocks(
    histories: Histories,
    popularity: np.ndarray,
    n_events: int,
    shares: Callable[[Iterable[Pairs], range], sparse.csr_array],
) -> sparse.csr_array:
    """A graph whose rows are computed for blocks of items, of about `n_events` events each.

    Args:
        popularity: Events of each item, (n_items,).
        shares: Histories and some items to the rows of these items, f32 (items, i).

    Returns:
        f32 (i, i), the 100 largest values of each row.
    """
    blocks = [empty_graph(len(popularity))[:0]]
    for items in blocks_of_items(popularity, n_events):
        blocks.append(top_per_row(shares(histories(), items), MAX_NEIGHBOURS))
    return sparse.csr_array(sparse.vstack(blocks, format="csr"))


def blocks_of_items(popularity: np.ndarray, n_events: int) -> Iterator[range]:
    """All items in order, in blocks of about `n_events` events: pairs of all may not fit in memory.

    Args:
        popularity: Events of each item.
    """
    begins = np.concatenate([[0], np.cumsum(popularity)])
    n_events = max(n_events, int(begins[-1]) // _MAX_BLOCKS)  # histories are read for each block
    cuts = np.searchsorted(begins, np.arange(n_events, begins[-1], n_events))
    for first, last in pairwise(np.unique([0, *cuts, len(popularity)]).tolist()):
        yield range(first, last)


def empty_graph(n_items: int) -> sparse.csr_array:
    """A graph without neighbours."""
    return sparse.csr_array((n_items, n_items), dtype=np.float32)


def empty_shares(n_users: int, n_items: int) -> sparse.csr_array:
    """Shares of no neighbours, f32 (users, i)."""
    return sparse.csr_array((n_users, n_items), dtype=np.float32)


def neighbour_shares(
    graph: sparse.csr_array, owner: np.ndarray, item_row: np.ndarray, n_users: int
) -> sparse.csr_array:
    """The shares q of each user: the mean of the rows of recent items, weighted by 0.8^age.

    Args:
        graph: From `fit`, or with content neighbours added.
        owner: The user of each event, sorted; the last event of a user has the age 0.
        item_row: The items of the events.

    Returns:
        f32 (users, i).
    """
    recent = recent_items(owner, item_row, (n_users, len(graph.indptr) - 1), DECAY)
    return sparse.csr_array(recent @ graph)


def recent_items(
    owner: np.ndarray, item_row: np.ndarray, shape: tuple[int, int], decay: float
) -> sparse.csr_array:
    """Weights decay^age of the items of recent events, f32 (users, i); a row sums to 1, or to 0.

    Args:
        owner: The user of each event, sorted; the last event of a user has the age 0.
    """
    age = np.searchsorted(owner, owner, side="right") - 1 - np.arange(len(owner))
    weight = (decay**age).astype(np.float32)
    weight /= np.bincount(owner, weight, shape[0])[owner].astype(np.float32)
    return sparse.csr_array(
        sparse.coo_array((weight, (owner, item_row)), shape, dtype=np.float32).tocsr()
    )


def normalize_rows(weights: sparse.csr_array) -> sparse.csr_array:
    """Divide weights by the sum of their row."""
    total = np.repeat(weights.sum(axis=1), np.diff(weights.indptr))
    return sparse.csr_array((weights.data / total, weights.indices, weights.indptr), weights.shape)


def top_per_row(
    matrix: sparse.csr_array, k: int, tie_start: np.ndarray | None = None
) -> sparse.csr_array:
    """The `k` largest entries of each row; ties are broken by column.

    Args:
        tie_start: int (rows,), a column of each row: ties prefer the columns after it, then the
            first ones. By default they prefer the first ones.
    """
    begins, data = np.asarray(matrix.indptr, np.int64), np.asarray(matrix.data, np.float32)
    chosen = np.ones(len(data), bool)
    for row in np.flatnonzero(np.diff(begins) > k):
        values = data[begins[row] : begins[row + 1]]
        smallest = np.partition(values, len(values) - k)[len(values) - k]
        is_kept = values > smallest
        ties = np.flatnonzero(values == smallest)
        rank = matrix.indices[begins[row] + ties]
        if tie_start is not None:
            rank = rank + np.where(rank > tie_start[row], 0, 1 << 32)  # behind all others
        is_kept[ties[np.argsort(rank)[: k - is_kept.sum()]]] = True
        chosen[begins[row] : begins[row + 1]] = is_kept
    before = np.concatenate([[0], np.cumsum(chosen)])
    return sparse.csr_array((data[chosen], matrix.indices[chosen], before[begins]), matrix.shape)


def reindex(graph: sparse.csr_array, rows: np.ndarray) -> sparse.csr_array:
    """The graph of another catalogue.

    Args:
        rows: The row in this graph of each item of the other catalogue; -1 leaves an item without
            neighbours.
    """
    known = np.flatnonzero(rows >= 0)
    take = sparse.csr_array(
        (np.ones(len(known), np.float32), (known, rows[known])),
        shape=(len(rows), len(graph.indptr) - 1),
    )
    return sparse.csr_array(take @ graph @ take.T)


def save_graph(path: Path, graph: sparse.csr_array) -> None:
    """Write a graph."""
    sparse.save_npz(path, graph)


def load_graph(file: Path | BufferedReader) -> sparse.csr_array:
    """Read a graph."""
    return sparse.csr_array(sparse.load_npz(file))


def _neighbour_weights(histories: Iterable[Pairs], items: range, n_items: int) -> sparse.csr_array:
    """Weights of the neighbours of some items, f32 (items, i)."""
    total: sparse.csr_array | None = None
    parts: list[list[Pairs]] = []
    n_pairs = 0
    for user_row, item_row in histories:
        if n_pairs > MAX_PAIRS:  # an item may have more events than memory has room for their pairs
            total, parts, n_pairs = _added(total, _sum(parts, items, n_items)), [], 0
        parts.append(_pairs(user_row, item_row, items))
        n_pairs += sum(len(item) for item, _ in parts[-1])
    return _added(total, _sum(parts, items, n_items))


def _pairs(user_row: np.ndarray, item_row: np.ndarray, items: range) -> list[Pairs]:
    """For each of `_STEPS`, those of the items that have a neighbour there, and the neighbours."""
    events, found = np.flatnonzero((item_row >= items.start) & (item_row < items.stop)), []
    for step in _STEPS:
        at = events[(events + step >= 0) & (events + step < len(item_row))]
        at = at[(user_row[at] == user_row[at + step]) & (item_row[at] != item_row[at + step])]
        found.append((item_row[at] - np.int32(items.start), item_row[at + step]))
    return found


def _sum(parts: list[list[Pairs]], items: range, n_items: int) -> sparse.csr_array:
    """The weights of all pairs, f32 (items, i).

    They are summed step by step: the sums are the same however the histories are divided.
    """
    ordered = [pairs for of_step in zip(*parts, strict=True) for pairs in of_step]
    if not ordered:
        return sparse.csr_array((len(items), n_items), dtype=np.float32)
    counts = [sum(len(part[i][0]) for part in parts) for i in range(len(_STEPS))]
    weights = np.repeat(_WEIGHTS, counts)
    places = tuple(np.concatenate(x) for x in zip(*ordered, strict=True))
    total = sparse.coo_array((weights, places), (len(items), n_items)).tocsr()
    total.sum_duplicates()
    return sparse.csr_array(total)


def _added(total: sparse.csr_array | None, more: sparse.csr_array) -> sparse.csr_array:
    return more if total is None else sparse.csr_array(total + more)
