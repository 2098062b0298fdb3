"""What the log and the catalogue say of items, and of items and the recent events of users."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from m6rec_cli.item_graphs import content_cosines, cooccurrence, second_neighbours, transitions

N_RECENT_EVENTS = cooccurrence.N_RECENT_EVENTS
"""Recent events of a user that are looked up in the graphs."""
SECOND_NEIGHBOURS = "second_neighbours"
OPTIONAL = (SECOND_NEIGHBOURS, *content_cosines.NAMES)
"""Evidence that is left out where it has no weight: it takes time."""


@dataclass(frozen=True, kw_only=True)
class UserEvidence:
    """What the item graphs say of some users.

    Attributes:
        shares: Shares of the neighbours of recent events, f32 (users, i).
        second_shares: Shares of their second neighbours, f32 (users, i).
        followers: Shares of what follows the last event directly, f32 (users, i).
        cosines: Mean cosine of content to recent events, by the names of `content_cosines.NAMES`
            that there are, f32 (users, i) each.
    """

    shares: sparse.csr_array
    second_shares: sparse.csr_array
    followers: sparse.csr_array
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
        """The evidence of the recent events of users.

        Args:
            owner: The user of each of the last `N_RECENT_EVENTS` events at most, sorted; the last
                event of a user comes last.
            item_row: The items of the events.
            wanted: The evidence of `OPTIONAL` that is looked up; other evidence of it is empty.
        """
        age = np.searchsorted(owner, owner, side="right") - 1 - np.arange(len(owner))
        last = age < content_cosines.N_RECENT_EVENTS
        second = cooccurrence.empty_shares(n_users, len(self.events))
        if SECOND_NEIGHBOURS in wanted:
            second = cooccurrence.neighbour_shares(self.second_neighbours, owner, item_row, n_users)
        return UserEvidence(
            shares=cooccurrence.neighbour_shares(self.graph, owner, item_row, n_users),
            second_shares=second,
            followers=transitions.shares_of_last_items(self.transitions, owner, item_row, n_users),
            cosines={
                name: content_cosines.of_users(cosines, owner[last], item_row[last], n_users)
                for name, cosines in self.cosines.items()
                if name in wanted
            },
        )
