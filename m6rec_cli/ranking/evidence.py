"""What the log and the catalogue say of items, and of items and the recent events of users."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from m6rec_cli.item_graphs import content_cosines, cooccurrence, second_neighbours, transitions

N_RECENT_EVENTS = cooccurrence.N_RECENT_EVENTS
"""Recent events of a user that are looked up in the graphs."""
SECOND_NEIGHBOURS, REPEATS = "second_neighbours", "repeats"
OPTIONAL = (SECOND_NEIGHBOURS, REPEATS, *content_cosines.NAMES)
"""Evidence that is left out where it has no weight: it takes time."""


@dataclass(frozen=True, kw_only=True)
class UserEvidence:
    """What the item graphs and their own histories say of some users.

    Attributes:
        shares: Shares of the neighbours of recent events, f32 (users, i).
        second_shares: Shares of their second neighbours, f32 (users, i).
        followers: Shares of what follows the last event directly, f32 (users, i).
        repeats: log(1 + the user's own events with the item), f32 (users, i).
        cosines: Mean cosine of content to recent events, by the names of `content_cosines.NAMES`
            that there are, f32 (users, i) each.
    """

    shares: sparse.csr_array
    second_shares: sparse.csr_array
    followers: sparse.csr_array
    repeats: sparse.csr_array
    cosines: Mapping[str, sparse.csr_array]


@dataclass(frozen=True, kw_only=True)
class ItemEvidence:
    """What is known of items without the model.

    Attributes:
        cooccurrence: Neighbours in histories, f32 (i, i).
        content_similarity: Column j has the content neighbours of item j, f32 (i, i).
        graph: The neighbours in histories, with some of the content neighbours, f32 (i, i).
        transitions: Shares of what follows each item directly, f32 (i, i).
        cosines: Cosines of content, by the names of `content_cosines.NAMES` that there are,
            f32 (i, i) each.
        events: Events of each item in the log, (i,).
    """

    cooccurrence: sparse.csr_array
    content_similarity: sparse.csr_array
    graph: sparse.csr_array
    transitions: sparse.csr_array
    cosines: Mapping[str, sparse.csr_array]
    events: np.ndarray

    @property
    def popularity(self) -> np.ndarray:
        """log(1 + events), f32 (i,)."""
        return np.log1p(self.events).astype(np.float32)

    @cached_property
    def second_neighbours(self) -> sparse.csr_array:
        """Shares of what is two steps away, f32 (i, i)."""
        return second_neighbours.fit(self.cooccurrence, self.content_similarity)

    def of_users(
        self,
        owner: np.ndarray,
        item_row: np.ndarray,
        n_users: int,
        wanted: Collection[str] = OPTIONAL,
    ) -> UserEvidence:
        """The evidence of the events of users.

        Args:
            owner: The user of each event, sorted; the last event of a user comes last. Repeats are
                counted in all of them, the last `N_RECENT_EVENTS` are looked up in the graphs.
            item_row: The items of the events.
            wanted: The evidence of `OPTIONAL` that is looked up; other evidence of it is empty.
        """
        repeats = cooccurrence.empty_shares(n_users, len(self.events))
        if REPEATS in wanted:
            repeats = log_counts(owner, item_row, (n_users, len(self.events)))
        age = np.searchsorted(owner, owner, side="right") - 1 - np.arange(len(owner))
        recent = age < N_RECENT_EVENTS
        owner, item_row, age = owner[recent], item_row[recent], age[recent]
        last = age < content_cosines.N_RECENT_EVENTS
        second = cooccurrence.empty_shares(n_users, len(self.events))
        if SECOND_NEIGHBOURS in wanted:
            second = cooccurrence.neighbour_shares(self.second_neighbours, owner, item_row, n_users)
        return UserEvidence(
            shares=cooccurrence.neighbour_shares(self.graph, owner, item_row, n_users),
            second_shares=second,
            followers=transitions.shares_of_last_items(self.transitions, owner, item_row, n_users),
            repeats=repeats,
            cosines={
                name: content_cosines.of_users(cosines, owner[last], item_row[last], n_users)
                for name, cosines in self.cosines.items()
                if name in wanted
            },
        )


def log_counts(owner: np.ndarray, item_row: np.ndarray, shape: tuple[int, int]) -> sparse.csr_array:
    """log(1 + events) of each user with each item, f32 (users, i).

    Args:
        owner: The user of each event.
        item_row: The items of the events.
    """
    counts = event_counts(owner, item_row, shape)
    return sparse.csr_array((np.log1p(counts.data), counts.indices, counts.indptr), shape)


def event_counts(
    owner: np.ndarray, item_row: np.ndarray, shape: tuple[int, int]
) -> sparse.csr_array:
    """Events of each user with each item, f32 (users, i); arguments as for `log_counts`."""
    ones = np.ones(len(owner), np.float32)
    counts = sparse.coo_array((ones, (owner, item_row)), shape).tocsr()
    counts.sum_duplicates()
    return sparse.csr_array(counts)


def event_shares(events: np.ndarray) -> np.ndarray:
    """The share of each item in all events, f32 (i,); equal shares without any event.

    Args:
        events: Events of each item.
    """
    weights = np.asarray(events, np.float64)
    if not weights.any():
        weights = np.ones_like(weights)
    return (weights / weights.sum()).astype(np.float32)


def neighbour_embeddings(
    graph: sparse.csr_array, embeddings: np.ndarray, mean: np.ndarray
) -> np.ndarray:
    """The mean embedding of the neighbours of each item, f32 (i, d).

    Args:
        graph: Shares of the neighbours of each item, f32 (i, i).
        embeddings: f32 (i, d).
        mean: f32 (d,), for items without neighbours.
    """
    total = np.asarray(graph.sum(axis=1))[:, None]
    near = (graph @ embeddings) / np.maximum(total, np.float32(1e-9))
    return np.where(total > 0, near, mean).astype(np.float32)
