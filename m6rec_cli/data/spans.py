"""A log sorted by user to spans: where the events of each user start, and how many there are."""

import numpy as np


def user_spans(user_row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Start and length of the span of every user that has events, both int64.

    Args:
        user_row: User of each event, sorted.
    """
    starts_span = np.ones(len(user_row), bool)
    starts_span[1:] = user_row[1:] != user_row[:-1]
    starts = np.flatnonzero(starts_span)
    return starts, np.diff(starts, append=len(user_row))


def span_positions(offsets: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions `offsets[r]:offsets[r + 1]` of each of `rows`, concatenated.

    Returns:
        For each position, its index in `rows`; and the positions.
    """
    return range_positions(offsets[rows], offsets[rows + 1])


def range_positions(starts: np.ndarray, stops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions `start:stop` of each range, concatenated; ranges may overlap.

    Returns:
        For each position, the index of its range; and the positions.
    """
    sizes = stops - starts
    owner = np.repeat(np.arange(len(starts)), sizes)
    return owner, np.arange(len(owner)) + np.repeat(starts - np.cumsum(sizes) + sizes, sizes)


def contains(sorted_keys: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Whether each of `keys` is in `sorted_keys`, bool."""
    if not len(sorted_keys):
        return np.zeros(len(keys), bool)
    at = np.minimum(np.searchsorted(sorted_keys, keys), len(sorted_keys) - 1)
    return sorted_keys[at] == keys
