"""A data directory to the same one with the events of some users alone."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from m6rec_cli.data.dataset_view import DatasetView
from m6rec_cli.data.event_log import iterate_events
from m6rec_cli.data.events import Events
from m6rec_cli.data.format import SPLITS
from m6rec_cli.data.spans import contains
from m6rec_cli.data.store import Dataset

_EVENTS_PER_READ = 2**20


@dataclass(frozen=True)
class UsersDataset(DatasetView):
    """The rows of `source` with the events of some users.

    Attributes:
        chosen: Sorted user rows, int32.
    """

    chosen: np.ndarray

    def event_parts(self) -> Iterator[Events]:
        """See `Dataset.event_parts`."""
        for events in iterate_events(self.source.log, _EVENTS_PER_READ):
            yield events.take(contains(self.chosen, events.user_row))


def with_events_of(data: Dataset, users: np.ndarray) -> Dataset:
    """The data without the events of other users than `users`, sorted rows."""
    chosen = users.astype(np.int32)
    return UsersDataset(data.path, data.manifest, data.specs, data.files, data, chosen)


def users_with_targets(data: Dataset, split: str) -> np.ndarray:
    """The users with labelled events in a held-out split, sorted rows, int64."""
    found = [np.zeros(0, np.int64)]
    for events in iterate_events(data.log, _EVENTS_PER_READ):
        is_target = (events.split == SPLITS.index(split)) & events.label
        found.append(np.unique(events.user_row[is_target]).astype(np.int64))
    return np.concatenate(found)
