"""The last events of a user to a logit boost of the items that the item graph links to them.

`item_graphs/cooccurrence.py` has the formula.
"""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from scipy import sparse

from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.item_graphs import cooccurrence


class LogitBoost(NamedTuple):
    """What is added to the logits of a tile of users.

    Attributes:
        item: Item rows, ascending, each once; the number of items in the padding.
        boost: log(1 + w n q), not negative; 0 in the padding.
        listed: Whether the item may be listed: neither hidden from the user nor padding.
    """

    item: Int[Array, "b m"]
    boost: Float[Array, "b m"]
    listed: Bool[Array, "b m"]


def logit_boosts(histories: UserHistories, rows: np.ndarray, weight: float) -> sparse.csr_array:
    """What is added to the logits of some users, f32 (users, i); a row has an item once."""
    run = histories.run
    n_items = len(run.catalogue)
    if weight == 0:
        return sparse.csr_array((len(rows), n_items), dtype=np.float32)
    # Not more events than the decoder reads: a state directory keeps no others.
    n_events = min(cooccurrence.N_RECENT_EVENTS, run.config.model.max_history)
    owner, items = histories.latest(rows, n_events)
    shares = cooccurrence.neighbour_shares(run.catalogue.cooccurrence, owner, items, len(rows))
    shares.data = np.log1p(np.float32(weight * n_items) * shares.data)
    return shares


def add_to_scores(boosts: sparse.csr_array, scores: np.ndarray) -> None:
    """Add the boosts to the scores of the same users, f32 (users, i), in place."""
    begins = np.arange(len(scores)) * scores.shape[1]
    # A view in one dimension takes a third of the time.
    np.add.at(
        scores.reshape(-1),
        np.repeat(begins, np.diff(boosts.indptr)) + boosts.indices,
        boosts.data,
    )


def tile(
    boosts: sparse.csr_array,
    n_items: int,
    places: np.ndarray,
    hidden: tuple[np.ndarray, np.ndarray] | None = None,
) -> LogitBoost:
    """The boosts of a tile of users on the device.

    The width is a power of two: few shapes are compiled.

    Args:
        boosts: From `logit_boosts`.
        places: Rows of `boosts`, one per user of the tile.
        hidden: Pairs of an index of `places` and the row of an item that is hidden from the user.
    """
    mine = boosts[places]
    mine.sort_indices()
    sizes = np.diff(mine.indptr)
    most = int(sizes.max(initial=0))
    width = 1 << (most - 1).bit_length() if most else 0
    row = np.repeat(np.arange(len(places)), sizes)
    column = np.arange(mine.nnz) - np.repeat(mine.indptr[:-1], sizes)
    item = np.full((len(places), width), n_items, np.int32)
    boost, listed = np.zeros(item.shape, np.float32), np.zeros(item.shape, bool)
    item[row, column], boost[row, column], listed[row, column] = mine.indices, mine.data, True
    if hidden is not None and mine.nnz:
        pairs = row * n_items + mine.indices
        hidden_pairs = hidden[0] * n_items + hidden[1]
        at = np.minimum(np.searchsorted(pairs, hidden_pairs), len(pairs) - 1)
        at = at[pairs[at] == hidden_pairs]
        listed[row[at], column[at]] = False
    return LogitBoost(jax.device_put(item), jax.device_put(boost), jax.device_put(listed))
