"""Content neighbours: a user is the sum of what the items of the history are made of, and likes what is made alike.

No event of an item is needed for it to be found: this is what a model has to beat on items that are new.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from m6rec_cli.evaluation.baselines import _base
from m6rec_cli.item_graphs import bm25

READS = "content"


@dataclass(frozen=True)
class ContentKnn:
    """Cosine between a user's vector and each item's, as far as the order of the items goes.

    Attributes:
        history: (n_users, n_items), the weight of each event by its age, summed.
        vectors: (n_items, terms), rows of length 1, or 0 where nothing is known.
        terms: The same, (terms, n_items).
        backoff: (n_items,), small: it orders the items that the content leaves equal.
    """

    history: sparse.csr_array
    vectors: sparse.csr_array
    terms: sparse.csr_array
    backoff: np.ndarray

    def score(self, user_rows: np.ndarray) -> np.ndarray:
        """See `Scorer.score`."""
        scores = ((self.history[user_rows] @ self.vectors) @ self.terms).toarray()
        scores += self.backoff
        return scores


def fit(
    history: _base.History,
    n_users: int,
    n_items: int,
    content: Sequence[sparse.csr_array] = (),
    *,
    half_life: float = 2.0,
    saturation: float = 0.5,
    length: float = 0.5,
) -> _base.Scorer:
    """Weigh terms by BM25 (Robertson and Zaragoza 2009), each feature as a field of its own.

    What is counted (rarity of a term, mean length) is counted over items with events: new items change nothing.

    Args:
        content: For each feature the number of times that an item has each term, (n_items, terms).
        half_life: An event this many events ago weighs half as much as the last one.
        saturation: k1 of BM25.
        length: b of BM25.
    """
    warm = np.bincount(history.item_row, minlength=n_items) > 0
    vectors = bm25.vectors(content, warm, saturation=saturation, length=length)
    age = history.offsets[history.user_row + 1] - 1 - np.arange(len(history.user_row))
    decayed = sparse.csr_array(
        (
            np.exp2(-age / half_life).astype(np.float32),
            history.item_row.astype(np.int64),
            history.offsets.copy(),
        ),
        (n_users, n_items),
    )
    decayed.sum_duplicates()
    backoff = np.float32(1e-5) * _base.popularity(history, n_items)
    return ContentKnn(decayed, vectors, vectors.T.tocsr(), backoff)
