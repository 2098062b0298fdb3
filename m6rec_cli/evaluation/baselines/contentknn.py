"""Content neighbours: items whose content is similar to the content of the user's history.

It scores cold items too, so it is the baseline to beat on them.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from m6rec_cli.evaluation.baselines import _base
from m6rec_cli.item_graphs import bm25

READS = "content"
RANKS_BY = "words, sets and categories in common with the history (needs such features)"


@dataclass(frozen=True)
class ContentKnn:
    """Cosine similarity of a user's content vector to each item's, up to a factor per user.

    Attributes:
        vectors: (n_items, terms), rows of length 1, or 0 for items without content.
        transposed: `vectors` transposed, (terms, n_items).
        tie_breaker: (n_items,), small: orders items that the content scores equally.
        half_life: An event this many events before the last one has half its weight.
    """

    vectors: sparse.csr_array
    transposed: sparse.csr_array
    tie_breaker: np.ndarray
    half_life: float

    def score(self, histories: _base.Histories, rows: np.ndarray) -> np.ndarray:
        """See `FittedBaseline.score`."""
        recent = self._decayed(histories, rows)
        scores = ((recent @ self.vectors) @ self.transposed).toarray()
        scores += self.tie_breaker
        return scores

    def _decayed(self, histories: _base.Histories, rows: np.ndarray) -> sparse.csr_array:
        """Sum of the weights of the events with each item, f32 (len(rows), n_items)."""
        # Older events have a weight below 2^-40.
        owner, items = histories.latest(rows, int(40 * self.half_life))
        age = np.searchsorted(owner, owner, side="right") - 1 - np.arange(len(owner))
        weight = np.exp2(-age / self.half_life).astype(np.float32)
        shape = (len(rows), len(self.tie_breaker))
        return sparse.csr_array(sparse.coo_array((weight, (owner, items)), shape))


def fit(
    history: _base.History,
    n_users: int,
    n_items: int,
    content: _base.ItemContent = _base.NO_CONTENT,
    *,
    half_life: float = 2.0,
    saturation: float = 0.5,
    length: float = 0.5,
) -> _base.FittedBaseline:
    """Weight terms by BM25 (Robertson and Zaragoza 2009), each feature as a field of its own.

    Document frequencies and mean lengths are those of warm items, so new items change no score.

    Args:
        content: Its term counts are compared.
        half_life: An event this many events before the last one has half its weight.
        saturation: k1 of BM25.
        length: b of BM25.
    """
    warm = np.bincount(history.item_row, minlength=n_items) > 0
    vectors = bm25.unit_vectors(content.term_counts, warm, saturation=saturation, length=length)
    tie_breaker = np.float32(1e-5) * _base.popularity(history, n_items)
    return ContentKnn(vectors, vectors.T.tocsr(), tie_breaker, half_life)
