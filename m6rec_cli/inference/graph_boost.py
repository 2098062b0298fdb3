"""What stood near a user's last events to what it adds to the logits of those items: see `neighbours`."""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from scipy import sparse

from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.item_graphs import cooccurrence

NAME = "neighbours"


class LogitBoost(NamedTuple):
    """What is added to the logits of a tile of users.

    Attributes:
        item: Item rows, ascending, each once; beyond the last stands the number of items.
        bonus: log(1 + w n q), not negative; 0 beyond the last.
        listed: Whether the item is neither hidden from the user nor padding.
    """

    item: Int[Array, "b m"]
    bonus: Float[Array, "b m"]
    listed: Bool[Array, "b m"]


def logit_boost(audience: UserHistories, rows: np.ndarray, weight: float) -> sparse.csr_array:
    """What is added to the logits of some users, f32 (users, i); a row has an item once."""
    graph, n_items = audience.run.cooccurrence, len(audience.run.items)
    if weight == 0:
        return sparse.csr_array((len(rows), n_items), dtype=np.float32)
    # Never more than the decoder reads: a kept state knows no other events.
    events = audience.latest(rows, min(cooccurrence.READ, audience.run.config.model.max_history))
    shares = cooccurrence.near(graph, *events, len(rows))
    shares.data = np.log1p(np.float32(weight * n_items) * shares.data)
    return shares


def add(found: sparse.csr_array, scores: np.ndarray) -> None:
    """Raise the scores of some users, f32 (users, i), by the bonuses of `found` in place."""
    begins = np.arange(len(scores)) * scores.shape[1]
    # Of a view in one dimension, which takes a third of the time.
    np.add.at(
        scores.reshape(-1), np.repeat(begins, np.diff(found.indptr)) + found.indices, found.data
    )


def tile(
    found: sparse.csr_array,
    n_items: int,
    users: np.ndarray,
    hidden: tuple[np.ndarray, np.ndarray] | None = None,
) -> LogitBoost:
    """The bonuses of some users on the device; the width is a power of two, so that few shapes are compiled.

    Args:
        found: From `bonuses`.
        users: Rows of `found`.
        hidden: Pairs of the place in `users` and the row of an item that is hidden from that user.
    """
    mine = found[users]
    mine.sort_indices()
    sizes = np.diff(mine.indptr)
    most = int(sizes.max(initial=0))
    width = 1 << (most - 1).bit_length() if most else 0
    row = np.repeat(np.arange(len(users)), sizes)
    column = np.arange(mine.nnz) - np.repeat(mine.indptr[:-1], sizes)
    item = np.full((len(users), width), n_items, np.int32)
    bonus, listed = np.zeros(item.shape, np.float32), np.zeros(item.shape, bool)
    item[row, column], bonus[row, column], listed[row, column] = mine.indices, mine.data, True
    if hidden is not None and mine.nnz:
        pairs = row * n_items + mine.indices
        unwanted = hidden[0] * n_items + hidden[1]
        at = np.minimum(np.searchsorted(pairs, unwanted), len(pairs) - 1)
        at = at[pairs[at] == unwanted]
        listed[row[at], column[at]] = False
    return LogitBoost(jax.device_put(item), jax.device_put(bonus), jax.device_put(listed))
