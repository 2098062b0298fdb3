"""Per-user values to confidence intervals of their means and to p-values of paired differences."""

from collections.abc import Iterator, Sequence

import numpy as np

MIN_USERS = 20
"""Fewer users have no interval: their resamples are too much alike, so it would be too narrow."""
BLOCK_VALUES = 8_000_000
"""Random values that are in memory at once."""
# Poisson(1) by the inverse of its distribution: 16 random bits index this table, which is several
# times faster than numpy's generator.
_CUMULATIVE = np.cumsum([np.exp(-1) / np.prod(np.arange(1.0, i + 1)) for i in range(9)])
_POISSON = np.minimum(np.searchsorted(_CUMULATIVE, (np.arange(2**16) + 0.5) / 2**16), 8).astype(
    np.float32
)


def intervals(
    columns: dict[str, np.ndarray], *, resamples: int, seed: int
) -> dict[str, list[float]]:
    """95% percentile intervals of column means from a Poisson bootstrap over users.

    Every column uses the same resamples, so intervals of two systems are comparable.

    Args:
        columns: float64 (n_users,) each; means leave out NaN.
        resamples: 0 computes no intervals.

    Returns:
        `[low, high]` by column name; columns with fewer than `MIN_USERS` values are left out.
    """
    names = [name for name, column in columns.items() if (~np.isnan(column)).sum() >= MIN_USERS]
    if not resamples or not names:
        return {}
    table = np.stack([columns[name] for name in names], axis=1)
    is_value = ~np.isnan(table)
    is_complete = bool(is_value.all())
    # float32 suffices: the values lie between 0 and about 30, and intervals are much wider than its
    # rounding errors.
    values, counted = np.where(is_value, table, 0).astype(np.float32), is_value.astype(np.float32)
    means = np.empty((resamples, len(names)))
    done = 0
    for weights in resample_weights(len(table), resamples, seed):
        total = weights.sum(axis=1, keepdims=True) if is_complete else weights @ counted
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
    """Two-sided p-value of the mean difference from a paired sign-flip permutation test.

    Args:
        difference: float64 (n_users,), NaN for users without a value.
        flips: Number of random sign patterns.

    Returns:
        (1 + number of flips at least as far from 0 as the observed sum) / (1 + flips).
    """
    values = difference[~np.isnan(difference)]
    # Differences of 0 do not change the sums, so the test leaves them out to save time.
    values = values[values != 0].astype(np.float32)
    if not len(values):
        return 1.0
    observed = abs(float(values.sum()))
    rng = np.random.default_rng(seed)
    rows = max(1, BLOCK_VALUES // len(values))
    extreme = 0
    for start in range(0, flips, rows):
        n = min(rows, flips - start)
        bits = np.frombuffer(rng.bytes(n * (-(-len(values) // 8))), np.uint8).reshape(n, -1)
        signs = np.unpackbits(bits, axis=1, count=len(values)).astype(np.float32) * 2 - 1
        # The tolerance covers rounding: sums of the same values in another order count as equal.
        extreme += int((np.abs(signs @ values) >= observed * (1 - 1e-5)).sum())
    return (1 + extreme) / (1 + flips)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for several tests by the step-down procedure of Holm (1979).

    The i-th smallest of n is multiplied by n - i + 1, and is at least as large as the adjusted one
    before it. Tests with an adjusted p-value up to a have at most the chance a of any false one.
    """
    order = np.argsort(p_values, kind="stable")
    scaled = np.asarray(p_values, np.float64)[order] * np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return adjusted.tolist()


def resample_weights(n: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Blocks of resamples: how often each resample draws each user, float32 (resamples, n)."""
    rng = np.random.default_rng(seed)
    rows = max(1, BLOCK_VALUES // max(n, 1))
    for start in range(0, resamples, rows):
        draws = min(rows, resamples - start)
        yield _POISSON[np.frombuffer(rng.bytes(2 * n * draws), np.uint16).reshape(draws, n)]
