"""The users that are to be answered: their events and profiles, ready for the decoder."""

import dataclasses
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from m6rec_cli.data.packing import gap_buckets, pack_histories
from m6rec_cli.data.store import Dataset, Events, FeatureArray
from m6rec_cli.execution.model_inputs import on_device
from m6rec_cli.execution.user_contexts import round_up_size, user_contexts
from m6rec_cli.inference.loaded_run import LoadedRun, require_features
from m6rec_cli.model.fusion import Features

HISTORY, PROFILE, BOTH, NOTHING = "history", "profile", "history+profile", "popularity"
BASES = (NOTHING, PROFILE, HISTORY, BOTH)


@dataclass(frozen=True)
class UserHistories:
    """Users by row, with what is known of each.

    Attributes:
        events: Sorted by user row and time; item rows are the run's.
        has_time: Whether the model reads the gaps between events, and these have times.
        ids: Each user's id, distinct strings.
        profiles: Features of all users, by row; empty if the model reads none.
    """

    run: LoadedRun
    events: Events
    has_time: bool
    ids: pl.Series
    profiles: dict[str, FeatureArray]

    @classmethod
    def of_dataset(cls, run: LoadedRun, data: Dataset, before: str) -> "UserHistories":
        """The users of a data directory that shares the run's catalogue.

        Raises:
            M6RecError: The user features are not those that the model was trained on.
        """
        events = data.history(before)
        kinds = {name: code for code, name in enumerate(run.event_kinds)}
        codes = np.array([kinds.get(name, 0) for name in data.manifest["events"]], np.uint8)
        events = dataclasses.replace(events, event=codes[events.event])
        require_features(run, data, "user")
        profiles = {spec.name: data.feature(spec) for spec in run.specs.user_specs}
        return cls(run, events, run.has_time and data.has_time, data.users["id"], profiles)

    @cached_property
    def gaps(self) -> np.ndarray:
        """From `gap_buckets`, aligned to the events."""
        return gap_buckets(self.events, has_time=self.has_time)

    @cached_property
    def offsets(self) -> np.ndarray:
        """`offsets[u]:offsets[u + 1]` are the events of user row `u`."""
        return self.events.offsets(len(self.ids))

    def contexts(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Context and decoder state of some users, f32 (users, d) and (users, s)."""
        owner, index = self._events_of(rows)
        events = dataclasses.replace(self.events.take(index), user_row=owner.astype(np.int32))
        packed, row, at = pack_histories(
            events,
            self.gaps[index],
            np.arange(len(rows)),
            len(rows),
            max_history=self.run.config.model.max_history,
        )
        # Profiles repeat users at the end, so that few shapes are compiled.
        profiles = self.device_profiles(np.resize(rows, round_up_size(len(rows))))
        return user_contexts(self.run.model, self.run.embeddings, packed, row, at, profiles)

    def device_profiles(self, rows: np.ndarray) -> Features:
        """The features of some users, ready for the model."""
        return on_device(self.profiles, rows)

    def basis(self, rows: np.ndarray) -> np.ndarray:
        """What each user's list rests on: the place in `BASES`, int (users,)."""
        has_events = self.offsets[rows + 1] > self.offsets[rows]
        has_profile = np.zeros(len(rows), bool)
        for array in self.profiles.values():
            has_profile |= array.mask[rows]
        return has_profile + 2 * has_events

    def seen(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of the place in `rows`, ascending, and the row of an item of that user's history."""
        owner, index = self._events_of(rows)
        return owner, self.events.item_row[index]

    def latest(self, rows: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Of each user the last `n` events in their order: the place in `rows`, and the item row."""
        owner, index = self._events_of(rows)
        last = self.offsets[rows + 1][owner] - index <= n
        return owner[last], self.events.item_row[index[last]]

    def with_strangers(self, ids: pl.Series) -> "UserHistories":
        """The same users and, after them, some of whom nothing is known."""
        profiles = {
            name: FeatureArray(
                *(np.pad(x, [(0, len(ids))] + [(0, 0)] * (x.ndim - 1)) for x in (a.values, a.mask))
            )
            for name, a in self.profiles.items()
        }
        return dataclasses.replace(self, ids=pl.concat([self.ids, ids]), profiles=profiles)

    def _events_of(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The events of some users in their order: the place in `rows`, and the position in the log."""
        return spans(self.offsets, rows)


def spans(offsets: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions `offsets[r]:offsets[r + 1]` of each row one after the other, with the place in `rows` of each."""
    starts, sizes = offsets[rows], offsets[rows + 1] - offsets[rows]
    owner = np.repeat(np.arange(len(rows)), sizes)
    return owner, np.arange(len(owner)) + np.repeat(starts - np.cumsum(sizes) + sizes, sizes)
