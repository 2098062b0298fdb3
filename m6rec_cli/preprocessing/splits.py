"""Events sorted by user and time to the split of each: pure functions on arrays.

All take `users` sorted and `labels` (whether an event is one that a recommender is to find), aligned; all
return the split of each event (0 train, 1 valid, 2 test, 3 cold).
"""

import numpy as np

from m6rec_cli.data.format import TEST, TRAIN, VALID


def leave_one_out(users: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The last labelled event of a user is the test target, the one before it the validation target.

    Users with two labelled events have a test target alone; with fewer, everything trains. Unlabelled events
    between the two targets are `valid` and those after the last `test`: a history that ends before a target
    then holds all that had happened until then, and nothing later.

    Returns:
        The splits, and which held-out events are targets (labels of training events are unchanged).
    """
    labels = labels.astype(bool)
    begins, sizes = _spans(users)
    before = np.concatenate(
        [[0], np.cumsum(labels, dtype=np.int32)]
    )  # half the memory of the usual int64
    total = before[begins + sizes] - before[begins]
    after = (
        np.repeat(before[begins + sizes], sizes) - before[1:]
    )  # labelled events of the user that come later
    split = np.full(len(users), TRAIN, np.uint8)
    split[(after == 1) & np.repeat(total >= 3, sizes)] = VALID
    split[(after == 0) & np.repeat(total >= 2, sizes)] = TEST
    # An unlabelled event just before the validation target has two labelled ones after it: it trains.
    return split, labels.copy()


def temporal(timestamps: np.ndarray, valid_fraction: float, test_fraction: float) -> np.ndarray:
    """Two cut-offs on the time line that all users share; fractions are of its length, not of the events."""
    if not len(timestamps):
        return np.zeros(0, np.uint8)
    first, last = int(timestamps.min()), int(timestamps.max())
    length = last - first
    test_from = last - test_fraction * length
    valid_from = test_from - valid_fraction * length
    split = np.full(len(timestamps), TRAIN, np.uint8)
    if valid_fraction:
        split[timestamps > valid_from] = VALID
    if test_fraction:
        split[timestamps > test_from] = TEST
    return split


def ratio(users: np.ndarray, valid_fraction: float, test_fraction: float) -> np.ndarray:
    """The last events of every user by fractions of their number, rounded down, at least one left to train."""
    start, end = _bounds(users)
    n = end - start
    from_end = end - 1 - np.arange(len(users))
    n_test = np.floor(n * test_fraction + 1e-9)
    n_valid = np.floor(n * valid_fraction + 1e-9)
    split = np.full(len(users), TRAIN, np.uint8)
    split[from_end < n_test + n_valid] = VALID
    split[from_end < n_test] = TEST
    split[from_end == n - 1] = TRAIN
    return split


def draw(rows: np.ndarray, share: float, seed: int) -> np.ndarray:
    """A random share of the distinct rows (at least one, if the share is not 0), sorted."""
    if not share or not len(rows):
        return rows[:0]
    known = np.unique(rows)
    n = max(1, round(share * len(known)))
    return np.sort(np.random.default_rng(seed).choice(known, n, replace=False))


def cold_targets(
    users: np.ndarray, labels: np.ndarray, cold: np.ndarray, cold_user: np.ndarray
) -> np.ndarray:
    """Which cold events are to be found; labels of all other events are unchanged.

    Of a cold user every labelled event, since nothing is known before the first. Of another user the last
    labelled one on a cold item: a history that ends before it is the longest, and holds nothing later.

    Args:
        cold: Events that are held out.
        cold_user: Events whose user is.
    """
    found = cold & labels & ~cold_user
    end = _bounds(users)[1]
    count = np.concatenate([[0], np.cumsum(found)])
    last = found & (count[end] == count[1:])
    return np.where(cold & ~cold_user, last, labels.astype(bool))


def count_ties(users: np.ndarray, timestamps: np.ndarray) -> int:
    """Events whose user has another event at the same time: their order is the file's."""
    if len(users) < 2:
        return 0
    same = (users[1:] == users[:-1]) & (timestamps[1:] == timestamps[:-1])
    return int((np.concatenate([same, [False]]) | np.concatenate([[False], same])).sum())


def _bounds(users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each event, the first position of its user and the one past the last."""
    begins, sizes = _spans(users)
    return np.repeat(begins, sizes), np.repeat(begins + sizes, sizes)


def _spans(users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first position of each user that has events, and how many there are."""
    first = np.ones(len(users), bool)
    first[1:] = users[1:] != users[:-1]
    begins = np.flatnonzero(first)
    return begins, np.diff(begins, append=len(users))
