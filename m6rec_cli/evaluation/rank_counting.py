"""Scores of a tile of users to ranks of targets and the top of every list.

Ranks are counted, not sorted: the rank of an item is the number of items with a higher score. Items
with the same score share their ranks. Lists are in the order of a stable sort.
"""

import numpy as np

from m6rec_cli.data.spans import contains

_GROUP = 32
"""Maximum number of columns per group in `score_floor`."""


def count_ranked_above(
    scores: np.ndarray, user: np.ndarray, item: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Of each (user, item), the items with a higher score, and those with the same one.

    Args:
        scores: float32 (users, items).
        user: Rows of `scores`, sorted.
        item: Columns of `scores`.

    Returns:
        int64 (pairs,) each; the item itself has the same score.
    """
    above, ties = np.empty((2, len(user)), np.int64)
    # One target per user at a time, so that no temporary array is larger than the tile.
    turn = np.arange(len(user)) - np.searchsorted(user, user)
    for t in range(int(turn.max(initial=-1)) + 1):
        mine = np.flatnonzero(turn == t)
        tile = scores if len(mine) == len(scores) else scores[user[mine]]
        own = tile[np.arange(len(mine)), item[mine]][:, None]
        above[mine] = _count_true(tile > own)
        ties[mine] = _count_true(tile >= own) - above[mine]
    return above, ties


def count_seen_above(
    scores: np.ndarray,
    user: np.ndarray,
    item: np.ndarray,
    seen_user: np.ndarray,
    seen_item: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The same counts over the user's (seen_user, seen_item) pairs alone, int64 (pairs,) each."""
    first = np.searchsorted(seen_user, user)
    count = np.searchsorted(seen_user, user, side="right") - first
    target = np.repeat(np.arange(len(user)), count)
    pair = np.arange(len(target)) + np.repeat(first - (np.cumsum(count) - count), count)
    theirs = scores[seen_user[pair], seen_item[pair]]
    own = scores[user, item][target]
    above, ties = (
        np.bincount(target[m], minlength=len(user)) for m in (theirs > own, theirs == own)
    )
    return above, ties


def _count_true(mask: np.ndarray) -> np.ndarray:
    """True values per row, int64; counting bits takes a third of the time of a sum over bytes."""
    return np.bitwise_count(np.packbits(mask, axis=1)).sum(axis=1, dtype=np.int64)


def top_lists(
    scores: np.ndarray, seen_user: np.ndarray, seen_item: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The first `k` items per user without and with the seen items.

    One selection serves both: the scores that the top `k` unseen items reach include the top `k` of
    all items. The scores of seen items are overwritten and restored.

    Args:
        scores: float32 (users, items).
        seen_user: Rows of `scores`, sorted with `seen_item`.
        seen_item: Columns of `scores`.

    Returns:
        Masked and unmasked lists, int32 (users, k) each, -1 after the end of a list.
    """
    n_users, n_items = scores.shape
    length = min(k, n_items)
    theirs = scores[seen_user, seen_item]
    scores[seen_user, seen_item] = -np.inf
    floor = score_floor(scores, length)
    scores[seen_user, seen_item] = theirs
    user, item, offsets = sort_above_floor(scores, floor)
    unmasked, masked = np.full((2, n_users, k), -1, np.int32)
    unmasked[:, :length] = item[offsets[:-1, None] + np.arange(length)]
    is_unseen = ~contains(seen_user * n_items + seen_item, user * n_items + item)
    # The rank without seen items: the number of the user's unseen items before this one.
    rank = np.cumsum(is_unseen) - is_unseen
    rank -= rank[offsets[:-1]][user]
    listed = is_unseen & (rank < k)
    masked[user[listed], rank[listed]] = item[listed]
    return masked, unmasked


def score_floor(scores: np.ndarray, count: int) -> np.ndarray:
    """A score per row that at least `count` columns reach, and rarely many more; float32 (users,).

    It is the `count`-th highest of the maxima of groups of columns.
    """
    n_users, n_items = scores.shape
    group = max(1, min(_GROUP, n_items // (2 * count)))
    n_groups = n_items // group
    maxima = scores[:, : n_groups * group].reshape(n_users, group, n_groups).max(axis=1)
    return np.partition(maxima, n_groups - count, axis=1)[:, n_groups - count]


def sort_above_floor(
    scores: np.ndarray, floor: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The entries that reach the floor of their row: by row, then best first, ties by column.

    Returns:
        Rows, columns, and the offset of each row in them (one more than rows); int64.
    """
    n_users, n_items = scores.shape
    user, item = np.divmod(np.flatnonzero(scores >= floor[:, None]), n_items)
    item = item[np.lexsort((item, -scores[user, item], user))]
    return user, item, np.searchsorted(user, np.arange(n_users + 1))
