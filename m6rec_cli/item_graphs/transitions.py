"""Histories to the table of what follows each item directly.

Co-occurrence counts whatever is bought within ten events, in both directions. Where one purchase
calls for the next, as a camera does for a memory card, the direction and the distance say more.
"""

from collections.abc import Iterable

import numpy as np
from scipy import sparse

from m6rec_cli.item_graphs.cooccurrence import Histories, Pairs, fit_by_blocks

EVENTS_PER_BLOCK = 5_000_000
_PRIOR_COUNT = 1.0
"""Added to an item's number of transitions: a single one gives its follower half of the share."""


def fit(user_row: np.ndarray, item_row: np.ndarray, n_items: int) -> sparse.csr_array:
    """The share of each item among those that follow an item directly; repeats do not count.

    Args:
        user_row: Sorted; the events of a user are in order of time.
        item_row: The items of the events.

    Returns:
        f32 (i, i), the 100 largest shares of each row; a row sums to less than 1.
    """
    popularity = np.bincount(item_row, minlength=n_items)
    return fit_histories(lambda: [(user_row, item_row)], popularity)


def fit_histories(histories: Histories, popularity: np.ndarray) -> sparse.csr_array:
    """The table of `fit`, of histories that are read part by part, once for each block of items.

    Args:
        popularity: Events of each item, (n_items,).
    """

    def shares(parts: Iterable[Pairs], items: range) -> sparse.csr_array:
        counts = _follower_counts(parts, items, len(popularity))
        total = np.repeat(counts.sum(axis=1) + _PRIOR_COUNT, np.diff(counts.indptr))
        values = (counts.data / total).astype(np.float32)
        return sparse.csr_array((values, counts.indices, counts.indptr), counts.shape)

    return fit_by_blocks(histories, popularity, EVENTS_PER_BLOCK, shares)


def _follower_counts(histories: Iterable[Pairs], items: range, n_items: int) -> sparse.csr_array:
    """How often each item follows each of some items, f32 (items, i)."""
    before, after = [np.zeros(0, np.int32)], [np.zeros(0, np.int32)]
    for user_row, item_row in histories:
        first, second = item_row[:-1], item_row[1:]
        real = (first >= items.start) & (first < items.stop)
        real &= (user_row[:-1] == user_row[1:]) & (first != second)
        before.append(first[real] - np.int32(items.start))
        after.append(second[real])
    pairs = np.concatenate(before), np.concatenate(after)
    ones = np.ones(len(pairs[0]), np.float32)
    counts = sparse.coo_array((ones, pairs), (len(items), n_items)).tocsr()
    counts.sum_duplicates()
    return sparse.csr_array(counts)


def shares_of_last_items(
    table: sparse.csr_array, owner: np.ndarray, item_row: np.ndarray, n_users: int
) -> sparse.csr_array:
    """The shares of what follows each user's last item, f32 (users, i).

    Args:
        table: From `fit`.
        owner: The user of each event, sorted; the last event of a user comes last.
        item_row: The items of the events.
    """
    is_last = np.append(owner[1:] != owner[:-1], np.ones(min(len(owner), 1), bool))
    users, items = owner[is_last], item_row[is_last]
    ones = np.ones(len(users), np.float32)
    chosen = sparse.coo_array((ones, (users, items)), (n_users, len(table.indptr) - 1))
    return sparse.csr_array(chosen.tocsr() @ table)
