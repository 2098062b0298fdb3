"""EASE: the linear item-to-item model whose weights have a closed form (Steck 2019)."""

from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse

from m6rec_cli.evaluation.baselines import _base
from m6rec_cli.system.errors import M6RecError

READS = "events"

MOST_ITEMS = 20_000
_BLOCK = 1024


@dataclass(frozen=True)
class Ease:
    """A user's history times the weights.

    Attributes:
        history: (n_users, items with events).
        weights: (items with events, items with events).
        warm: The rows of the items with events.
        backoff: (n_items,), orders the items that the weights leave equal.
    """

    history: sparse.csr_array
    weights: np.ndarray
    warm: np.ndarray
    backoff: np.ndarray

    def score(self, user_rows: np.ndarray) -> np.ndarray:
        """See `Scorer.score`; items without events come last."""
        known = self.history[user_rows] @ self.weights
        lowest = known.min(axis=1, keepdims=True, initial=0) - 1
        scores = np.repeat(lowest.astype(np.float32), len(self.backoff), axis=1)
        scores[:, self.warm] = known
        scores += self.backoff
        return scores


def fit(
    history: _base.History, n_users: int, n_items: int, *, ridge: float = 100.0
) -> _base.Scorer:
    """Solve min |X - XB|^2 + ridge |B|^2 with a zero diagonal: B = I - P / diag(P), P = (X'X + ridge I)^-1.

    Only items with events take part: the others have no weights, and popularity orders them last.

    Raises:
        M6RecError: More items than a dense inverse is made for.
    """
    met = history.matrix(n_items)
    warm = np.flatnonzero(np.bincount(met.indices, minlength=n_items))
    n = len(warm)
    if n > MOST_ITEMS:
        raise M6RecError(
            f"`ease` inverts a matrix of items by items: {n:,} items with events need about "
            f"{2 * n * n * 4 / 2**30:,.0f} GiB, and it is made for {MOST_ITEMS:,} at the most",
            hint="leave `ease` out of `--baselines`, or raise `data.min_item_events` in `preprocess`",
        )
    if not n:
        return Ease(
            met[:, warm], np.zeros((0, 0), np.float32), warm, _base.popularity(history, n_items)
        )
    x = met[:, warm]
    gram = (x.T @ x).toarray(order="F")
    gram[np.diag_indices(n)] += np.float32(ridge)
    # Cholesky in place: half the work of a general inverse, and one matrix in memory. Only the lower half is filled.
    potrf, potri = linalg.get_lapack_funcs(("potrf", "potri"), (gram,))
    factor, fault = potrf(gram, lower=1, overwrite_a=1, clean=0)
    inverse, fault2 = potri(factor, lower=1, overwrite_c=1)
    if fault or fault2:
        raise M6RecError(
            "`ease` cannot invert its item matrix", hint="leave `ease` out of `--baselines`"
        )
    weights = _zero_diagonal(inverse)
    return Ease(x, weights, warm, np.float32(1e-6) * _base.popularity(history, n_items))


def _zero_diagonal(inverse: np.ndarray) -> np.ndarray:
    """I - P / diag(P) from the lower half of P, in P's own memory."""
    n = len(inverse)
    scale = -1 / inverse.diagonal()
    for start in range(0, n, _BLOCK):
        end = min(start + _BLOCK, n)
        square = inverse[start:end, start:end]
        square[...] = np.tril(square) + np.tril(square, -1).T
        inverse[start:end, end:] = inverse[end:, start:end].T
    # P is symmetric, so that its transpose is itself with whole rows in memory: scipy multiplies by rows, and would copy all of
    # it for each tile of users.
    weights = inverse.T
    weights *= scale
    weights[np.diag_indices(n)] = 0
    return weights
