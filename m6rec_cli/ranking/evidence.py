"""What the log and the catalogue say of items, and of items and the recent events of users."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from m6rec_cli.item_graphs import content_cosines, cooccurrence, transitions

N_RECENT_EVENTS = cooccurrence.N_RECENT_EVENTS
"""Recent events of a user that are looked up in the graphs."""


@dataclass(frozen=True, kw_only=True)
class UserEvidence:
    """What the item graphs say of some users.

    Attributes:
        shares: Shares of the neighbours of recent events, f32 (users, i).
        followers: Shares of what follows the last event directly, f32 (users, i).
        cosines: Mean cosine of content to recent events, by the names of `content_cosines.NAMES`
            that there are, f32 (users, i) each.
    """

    shares: sparse.csr_array
    followers: sparse.csr_array
    cosines: Mapping[str, sparse.csr_array]


@dataclass(frozen=True, kw_only=True)
class ItemEvidence:
    """What is known of items without the model.

    Attributes:
        graph: Co-occurrence neighbours, with content neighbours added, f32 (i, i).
        transitions: Shares of what follows each item directly, f32 (i, i).
        cosines: Cosines of content, by the names of `content_cosines.NAMES` that there are,
            f32 (i, i) each.
        events: Events of each item in the log, (i,).
    """

    graph: sparse.csr_array
    transitions: sparse.csr_array
    cosines: Mapping[str, sparse.csr_array]
    events: np.ndarray

    @property
    def popularity(self) -> np.ndarray:
        """log(1 + events), f32 (i,)."""
        return np.log1p(self.events).astype(np.float32)

    def of_users(
        self,
        owner: np.ndarray,
        item_row: np.ndarray,
        n_users: int,
        names: Collection[str] = content_cosines.NAMES,
    ) -> UserEvidence:
        """The evidence of the recent events of users.

        Args:
            names: The cosines that are wanted.
            owner: The user of each of the last `N_RECENT_EVENTS` events at most, sorted; the last
                event of a user comes last.
            item_row: The items of the events.
        """
        age = np.searchsorted(owner, owner, side="right") - 1 - np.arange(len(owner))
        last = age < content_cosines.N_RECENT_EVENTS
        return UserEvidence(
            shares=cooccurrence.neighbour_shares(self.graph, owner, item_row, n_users),
            followers=transitions.shares_of_last_items(self.transitions, owner, item_row, n_users),
            cosines={
                name: content_cosines.of_users(cosines, owner[last], item_row[last], n_users)
                for name, cosines in self.cosines.items()
                if name in names
            },
        )
