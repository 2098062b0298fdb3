"""The items that could be listed at held-out events, and what is known of each."""

from dataclasses import dataclass

import numpy as np

from m6rec_cli.item_graphs import content_cosines

NAMES = (
    "model",
    "model_by_length",
    "popularity",
    "popularity_by_length",
    "neighbours",
    "close_neighbours",
    "second_neighbours",
    "followers",
    "repeats",
    *content_cosines.NAMES,
)
"""The rows of `Candidates.values`: weights of `RankingWeights`."""


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """The candidates of all events, one event after the other.

    Attributes:
        mean_log_length: Mean of log(1 + t) over the events. The values by length are of its
            differences from this mean, which makes the fit quick.
        offsets: `offsets[e]:offsets[e + 1]` are the candidates of event e, (events + 1,).
        lengths: log(1 + t) of each event, less `mean_log_length`, f32 (events,).
        levels: Mean of the model's logits for the user of each event over all items, weighed by
            their events, less the highest of the candidates; f32 (events,).
        values: f32 (names, candidates), a row for each of `NAMES`. The logits of an event are less
            the highest of its candidates.
        neighbour_logits: Logits of the embeddings of neighbours, less the same, f32 (candidates,);
            0 where `HeldOutEvents` has none.
        log_copies: Log of the number of items that a candidate stands for, f32 (candidates,).
        target: The candidate that is the target of each event, (events,).
    """

    mean_log_length: float
    lengths: np.ndarray
    levels: np.ndarray
    offsets: np.ndarray
    values: np.ndarray
    neighbour_logits: np.ndarray
    log_copies: np.ndarray
    target: np.ndarray

    def __len__(self) -> int:
        return len(self.target)

    def take(self, events: np.ndarray) -> "Candidates":
        """The candidates of some events, ascending."""
        sizes = np.diff(self.offsets)
        chosen = np.zeros(len(self), bool)
        chosen[events] = True
        kept = np.repeat(chosen, sizes)
        offsets = np.concatenate([[0], np.cumsum(sizes[events])])
        return Candidates(
            mean_log_length=self.mean_log_length,
            lengths=self.lengths[events],
            levels=self.levels[events],
            offsets=offsets,
            values=self.values[:, kept],
            neighbour_logits=self.neighbour_logits[kept],
            log_copies=self.log_copies[kept],
            target=self.target[events] - self.offsets[events] + offsets[:-1],
        )
