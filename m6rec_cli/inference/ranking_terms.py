"""What the ranking weights make of users and items, ready for the device.

`ranking/weights.py` has the formula of a score.
"""

from collections.abc import Collection
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from scipy import sparse

from m6rec_cli.inference.loaded_run import LoadedRun
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.ranking.evidence import N_RECENT_EVENTS, OPTIONAL, REPEATS, UserEvidence
from m6rec_cli.system.shapes import BD, ID, I


class ItemTerms(NamedTuple):
    """The items of a catalogue.

    Attributes:
        embeddings: What contexts are multiplied by.
        bias: Added to every score.
        popularity: log(1 + events).
    """

    embeddings: ID
    bias: I
    popularity: I


class UserTerms(NamedTuple):
    """A tile of users.

    Attributes:
        model: Factor of the model's logits, f32 (b,).
        popularity: Factor of the popularity of items, f32 (b,).
        item: Rows of the items that the graphs link, ascending, each once; the number of items in
            the padding, (b, m).
        boost: What the graphs add to the scores of these items, not negative; 0 in the padding.
        listed: Whether the item may be listed: neither hidden from the user nor padding.
    """

    model: Float[Array, " b"]
    popularity: Float[Array, " b"]
    item: Int[Array, "b m"]
    boost: Float[Array, "b m"]
    listed: Bool[Array, "b m"]

    def unboosted(self, candidates: BD, items: ItemTerms) -> Float[Array, "b i"]:
        """Scores of all items without what the graphs add."""
        return (
            (self.model[:, None] * candidates) @ items.embeddings.T
            + items.bias[None]
            + self.popularity[:, None] * items.popularity[None]
        )

    def scores(self, candidates: BD, items: ItemTerms) -> Float[Array, "b i"]:
        """Scores of all items, of which a softmax gives the probabilities."""
        return self.add_boost(self.unboosted(candidates, items))

    def add_boost(self, scores: Float[Array, "b i"]) -> Float[Array, "b i"]:
        """Scores with what the graphs add."""
        rows = jnp.arange(len(scores))[:, None]
        return scores.at[rows, self.item].add(self.boost, mode="drop")


class UserTermsTable(NamedTuple):
    """Many users, on the host.

    Attributes:
        model: As `UserTerms.model`.
        popularity: As `UserTerms.popularity`.
        boosts: What the graphs add to scores, f32 (users, i); a row has an item once.
    """

    model: np.ndarray
    popularity: np.ndarray
    boosts: sparse.csr_array

    def take(self, places: np.ndarray) -> "UserTermsTable":
        """Some of the users."""
        return UserTermsTable(self.model[places], self.popularity[places], self.boosts[places])

    def add_to(self, scores: np.ndarray, popularity: np.ndarray) -> None:
        """Add to the logits of the same users, times `model`, all but the bias; in place.

        Args:
            scores: f32 (users, i).
            popularity: Of items, f32 (i,).
        """
        if self.popularity.any():
            scores += self.popularity[:, None] * popularity[None]
        begins = np.arange(len(scores)) * scores.shape[1]
        # A view in one dimension takes a third of the time.
        np.add.at(
            scores.reshape(-1),
            np.repeat(begins, np.diff(self.boosts.indptr)) + self.boosts.indices,
            self.boosts.data,
        )

    def tile(
        self, places: np.ndarray, hidden: tuple[np.ndarray, np.ndarray] | None = None
    ) -> UserTerms:
        """A tile of users on the device.

        The width is a power of two: few shapes are compiled.

        Args:
            places: One of these users for each user of the tile.
            hidden: Pairs of an index of `places` and the row of an item hidden from the user.
        """
        mine = self.boosts[places]
        mine.sort_indices()
        n_items = mine.shape[1]
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
        arrays = (self.model[places], self.popularity[places], item, boost, listed)
        return UserTerms(*map(jax.device_put, arrays))


def user_terms(histories: UserHistories, rows: np.ndarray) -> UserTermsTable:
    """The terms of some users."""
    run = histories.run
    weights = run.catalogue.ranking
    model, popularity = weights.of_users(histories.n_events(rows))
    if not weights.uses_graphs:
        boosts = sparse.csr_array((len(rows), len(run.catalogue)), dtype=np.float32)
        return UserTermsTable(model, popularity, boosts)
    evidence = user_evidence(histories, rows, weights.used_evidence)
    gains = weights.gains(evidence, len(run.catalogue))
    if run.catalogue.lateness.any():
        gains.data *= run.catalogue.gain_factors[gains.indices]
    return UserTermsTable(model, popularity, gains)


def user_evidence(
    histories: UserHistories, rows: np.ndarray, wanted: Collection[str] = OPTIONAL
) -> UserEvidence:
    """What the item graphs and their own histories say of some users.

    Args:
        wanted: The evidence of `OPTIONAL` that is looked up.
    """
    run = histories.run
    # Not more events than the decoder reads: a state directory keeps no others.
    n_events = run.config.model.max_history
    if REPEATS not in wanted:
        n_events = min(N_RECENT_EVENTS, n_events)
    owner, items = histories.latest(rows, n_events)
    return run.catalogue.evidence.of_users(owner, items, len(rows), wanted)


def item_terms(run: LoadedRun) -> ItemTerms:
    """The terms of the items of a run."""
    catalogue = run.catalogue
    return ItemTerms(
        catalogue.scored_embeddings, catalogue.bias, jax.device_put(catalogue.evidence.popularity)
    )
