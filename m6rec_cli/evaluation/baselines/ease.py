"""EASE: a linear item-to-item model with weights in closed form (Steck 2019)."""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from m6rec_cli.evaluation.baselines import _base
from m6rec_cli.system.errors import M6RecError

READS = "events"
RANKS_BY = "a linear item-to-item model in closed form"

MAX_ITEMS = 20_000
"""Maximum number of warm items."""
BLOCK_ROWS = 1024
"""Rows of the inverse that are mirrored at once."""


@dataclass(frozen=True)
class Ease:
    """Scores warm items by the user's history times the weights, cold items below them.

    Attributes:
        weights: (warm items, warm items).
        warm: Rows of the warm items.
        tie_breaker: (n_items,), orders items that the weights score equally.
    """

    weights: np.ndarray
    warm: np.ndarray
    tie_breaker: np.ndarray

    def score(self, histories: _base.Histories, rows: np.ndarray) -> np.ndarray:
        """See `FittedBaseline.score`; cold items come last."""
        seen = histories.matrix(rows, len(self.tie_breaker))
        known = np.asarray(seen[:, self.warm] @ self.weights)
        lowest = known.min(axis=1, keepdims=True, initial=0) - 1
        scores = np.repeat(lowest.astype(np.float32), len(self.tie_breaker), axis=1)
        scores[:, self.warm] = known
        scores += self.tie_breaker
        return scores


def fit(
    history: _base.History, n_users: int, n_items: int, *, ridge: float = 100.0
) -> _base.FittedBaseline:
    """Solve min |X - XB|^2 + ridge |B|^2 with a zero diagonal.

    The solution is B = I - P / diag(P) with P = (X'X + ridge I)^-1 over the warm items.

    Raises:
        M6RecError: There are too many items for a dense inverse.
    """
    seen = history.matrix(n_items)
    warm = np.flatnonzero(np.bincount(seen.indices, minlength=n_items))
    n = len(warm)
    if n > MAX_ITEMS:
        raise M6RecError(
            f"`ease` inverts a matrix of items by items: {n:,} warm items need about "
            f"{2 * n * n * 4 / 2**30:,.0f} GiB; the limit is {MAX_ITEMS:,} items",
            hint="leave `ease` out of `--baselines`, or raise `data.min_item_events` in "
            "`preprocess`",
        )
    if not n:
        return Ease(np.zeros((0, 0), np.float32), warm, _base.popularity(history, n_items))
    x = seen[:, warm]
    gram = (x.T @ x).toarray(order="F")
    gram[np.diag_indices(n)] += np.float32(ridge)
    # Cholesky in place takes half the work of a general inverse and one matrix in memory. It fills
    # only the lower triangle.
    potrf, potri = linalg.get_lapack_funcs(("potrf", "potri"), (gram,))
    factor, fault = potrf(gram, lower=1, overwrite_a=1, clean=0)
    inverse, fault2 = potri(factor, lower=1, overwrite_c=1)
    if fault or fault2:
        raise M6RecError(
            "`ease` cannot invert its item matrix", hint="leave `ease` out of `--baselines`"
        )
    weights = _zero_diagonal(inverse)
    return Ease(weights, warm, np.float32(1e-6) * _base.popularity(history, n_items))


def _zero_diagonal(inverse: np.ndarray) -> np.ndarray:
    """I - P / diag(P) from the lower triangle of P, in the memory of P."""
    n = len(inverse)
    scale = -1 / inverse.diagonal()
    for start in range(0, n, BLOCK_ROWS):
        end = min(start + BLOCK_ROWS, n)
        square = inverse[start:end, start:end]
        square[...] = np.tril(square) + np.tril(square, -1).T
        inverse[start:end, end:] = inverse[end:, start:end].T
    # P is symmetric, so its transpose is the same matrix in row-major order. scipy multiplies
    # row-major matrices and would copy any other for each tile of users.
    weights = inverse.T
    weights *= scale
    weights[np.diag_indices(n)] = 0
    return weights
