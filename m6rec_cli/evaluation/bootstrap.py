"""Columns of values, one a user, to intervals of their means and to paired tests.

All columns share the resamples: resample number b draws the same users for every system, which is what makes
differences between systems paired.
"""

from collections.abc import Iterator

import numpy as np

_BLOCK_VALUES = 8_000_000
# Poisson(1) by its inverse: 16 random bits index this table, several times faster than drawing.
_CUMULATIVE = np.cumsum([np.exp(-1) / np.prod(np.arange(1.0, i + 1)) for i in range(9)])
_POISSON = np.minimum(np.searchsorted(_CUMULATIVE, (np.arange(2**16) + 0.5) / 2**16), 8).astype(
    np.float32
)


def intervals(
    columns: dict[str, np.ndarray], *, resamples: int, seed: int
) -> dict[str, list[float]]:
    """95% percentile intervals of the means, from a Poisson bootstrap over users.

    Args:
        columns: float64 (n_users,) each; NaN is no value, and each mean is over the values that are there.
        resamples: 0 gives no intervals.

    Returns:
        `[low, high]` by name; columns without any value are left out.
    """
    names = [name for name, column in columns.items() if not np.isnan(column).all()]
    if not resamples or not names:
        return {}
    table = np.stack([columns[name] for name in names], axis=1)
    there = ~np.isnan(table)
    every = bool(there.all())
    # float32 sums of at most a few million values between 0 and about 30: far finer than any interval.
    values, there = np.where(there, table, 0).astype(np.float32), there.astype(np.float32)
    means = np.empty((resamples, len(names)))
    done = 0
    for weights in _weights(len(table), resamples, seed):
        total = weights.sum(axis=1, keepdims=True) if every else weights @ there
        means[done : done + len(weights)] = np.divide(
            weights @ values,
            total,
            out=np.full((len(weights), len(names)), np.nan, np.float32),
            where=total > 0,
        )
        done += len(weights)
    low, high = np.nanquantile(means, (0.025, 0.975), axis=0)
    return {
        name: [float(a), float(b)]
        for name, a, b in zip(names, low, high, strict=True)
        if not np.isnan(a)
    }


def sign_flip(difference: np.ndarray, *, flips: int, seed: int) -> float:
    """Two-sided p-value of a mean difference of 0, by flipping each user's sign at random.

    Args:
        difference: float64 (n_users,), NaN for users without a value.

    Returns:
        (1 + flips at least as far from 0 as what was seen) / (1 + flips).
    """
    values = difference[~np.isnan(difference)]
    # Users without a difference change nothing: leaving them out makes the test as exact and much faster.
    values = values[values != 0].astype(np.float32)
    if not len(values):
        return 1.0
    seen = abs(float(values.sum()))
    rng = np.random.default_rng(seed)
    rows = max(1, _BLOCK_VALUES // len(values))
    extreme = 0
    for start in range(0, flips, rows):
        n = min(rows, flips - start)
        bits = np.frombuffer(rng.bytes(n * (-(-len(values) // 8))), np.uint8).reshape(n, -1)
        signs = np.unpackbits(bits, axis=1, count=len(values)).astype(np.float32) * 2 - 1
        # A hair of tolerance: equal sums in another order of addition must count as equal.
        extreme += int((np.abs(signs @ values) >= seen * (1 - 1e-5)).sum())
    return (1 + extreme) / (1 + flips)


def _weights(n: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(seed)
    rows = max(1, _BLOCK_VALUES // max(n, 1))
    for start in range(0, resamples, rows):
        draws = min(rows, resamples - start)
        yield _POISSON[np.frombuffer(rng.bytes(2 * n * draws), np.uint16).reshape(draws, n)]
