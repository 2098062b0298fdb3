"""The users to rank items for: their events and profiles, ready for the decoder."""

import dataclasses
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from m6rec_cli.data.events import Events
from m6rec_cli.data.feature_arrays import FeatureArray
from m6rec_cli.data.packing import gap_buckets, pack_queries
from m6rec_cli.data.queries import Queries
from m6rec_cli.data.spans import range_positions
from m6rec_cli.data.store import Dataset
from m6rec_cli.execution.model_inputs import features_on_device
from m6rec_cli.execution.user_contexts import round_up_size, user_contexts
from m6rec_cli.inference.loaded_run import LoadedRun, require_features
from m6rec_cli.model.fusion import Features
from m6rec_cli.system.tokens import START, START_LONG

HISTORY, PROFILE, BOTH, NOTHING = "history", "profile", "history+profile", "popularity"
BASES = (NOTHING, PROFILE, HISTORY, BOTH)
"""What a list can rest on. The index is `has_profile + 2 * has_events`."""


@dataclass(frozen=True, kw_only=True)
class UserHistories:
    """Users by row, with their events and features; or the users of queries, at their times.

    Attributes:
        events: Sorted by user row and time; item rows are those of the run's catalogue.
        has_time: Whether the decoder reads the time gaps between these events.
        ids: The id of each user, distinct strings.
        profiles: User features by name, aligned to user rows; empty if the model reads none.
        queries: If given, a row is a query, and `ids` are aligned to queries.
        is_long: Whether contexts predict the long run instead of the next event.
    """

    run: LoadedRun
    events: Events
    has_time: bool
    ids: pl.Series
    profiles: dict[str, FeatureArray]
    queries: Queries | None = None
    is_long: bool = False

    @classmethod
    def of_dataset(cls, run: LoadedRun, data: Dataset, before: str) -> "UserHistories":
        """The users of a data directory that shares the run's catalogue.

        Args:
            before: The split that ends each history, see `Dataset.history`.

        Raises:
            M6RecError: The user features are not those that the model was trained on.
        """
        return cls._of_events(run, data, data.history(before))

    @classmethod
    def of_queries(cls, run: LoadedRun, data: Dataset, queries: Queries) -> "UserHistories":
        """The users of some queries, each with the events before its time; a row is a query.

        Raises:
            M6RecError: The user features are not those that the model was trained on.
        """
        users = cls._of_events(run, data, queries.events)
        return dataclasses.replace(users, ids=users.ids.gather(queries.user_row), queries=queries)

    @classmethod
    def _of_events(cls, run: LoadedRun, data: Dataset, events: Events) -> "UserHistories":
        kinds = {name: code for code, name in enumerate(run.event_kinds)}
        codes = np.array([kinds.get(name, 0) for name in data.manifest.event_kinds], np.uint8)
        require_features(run, data, "user")
        return cls(
            run=run,
            events=dataclasses.replace(events, event=codes[events.event]),
            has_time=run.has_time and data.has_time,
            ids=data.users["id"],
            profiles={spec.name: data.feature(spec) for spec in run.spec.user_specs},
        )

    @cached_property
    def gaps(self) -> np.ndarray:
        """Buckets of the time since the previous event, see `gap_buckets`; aligned to `events`."""
        return gap_buckets(self.events, has_time=self.has_time)

    @cached_property
    def offsets(self) -> np.ndarray:
        """`offsets[u]:offsets[u + 1]` are the events of user row `u`; not for queries."""
        assert self.queries is None, "histories of queries overlap: use `start` and `stop`"
        return self.events.offsets(len(self.ids))

    @cached_property
    def user_row(self) -> np.ndarray:
        """The user of each row in `events` and `profiles`."""
        return np.arange(len(self.ids)) if self.queries is None else self.queries.user_row

    @property
    def start(self) -> np.ndarray:
        """`start[r]:stop[r]` are the positions of the events of row `r`."""
        return self.offsets[:-1] if self.queries is None else self.queries.start

    @property
    def stop(self) -> np.ndarray:
        """See `start`."""
        return self.offsets[1:] if self.queries is None else self.queries.stop

    def contexts(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Context and decoder state of some users, f32 (users, d) and (users, s)."""
        queries = Queries(
            events=self.events,
            user_row=self.user_row[rows],
            start=self.start[rows],
            stop=self.stop[rows],
        )
        packed, row, position = pack_queries(
            queries,
            self.gaps,
            max_history=self.run.config.model.max_history,
            start_token=START_LONG if self.is_long else START,
        )
        users, user = np.unique(packed.user, return_inverse=True)
        packed = dataclasses.replace(packed, user=user.reshape(packed.user.shape).astype(np.int32))
        # The profiles repeat users at the end: few shapes are compiled.
        profiles = self.device_profiles(np.resize(users, round_up_size(len(users))))
        embeddings = self.run.catalogue.embeddings
        return user_contexts(self.run.model, embeddings, packed, row, position, profiles)

    def device_profiles(self, rows: np.ndarray) -> Features:
        """The features of some users by `user_row`, on the device."""
        return features_on_device(self.profiles, rows)

    def basis(self, rows: np.ndarray) -> np.ndarray:
        """What the list of each user rests on: an index of `BASES`, int (users,)."""
        has_events = self.stop[rows] > self.start[rows]
        has_profile = np.zeros(len(rows), bool)
        for array in self.profiles.values():
            has_profile |= array.mask[self.user_row[rows]]
        return has_profile + 2 * has_events

    def n_events(self, rows: np.ndarray) -> np.ndarray:
        """Events of some users that the decoder reads, (users,)."""
        return np.minimum(self.stop[rows] - self.start[rows], self.run.config.model.max_history)

    def seen(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The seen items of some users: an index of `rows`, ascending, and an item row."""
        owner, index = self.event_positions(rows)
        return owner, self.events.item_row[index]

    def latest(self, rows: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
        """The last `n` events of each user in their order: an index of `rows`, and an item row."""
        stop = self.stop[rows]
        owner, index = range_positions(np.maximum(self.start[rows], stop - n), stop)
        return owner, self.events.item_row[index]

    def with_unknown_users(self, ids: pl.Series) -> "UserHistories":
        """The same users, followed by users without events and without a profile."""
        profiles = {
            name: FeatureArray(
                *(np.pad(x, [(0, len(ids))] + [(0, 0)] * (x.ndim - 1)) for x in (a.values, a.mask))
            )
            for name, a in self.profiles.items()
        }
        return dataclasses.replace(self, ids=pl.concat([self.ids, ids]), profiles=profiles)

    def event_positions(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The events of some users in order: an index of `rows`, and a position in the log."""
        return range_positions(self.start[rows], self.stop[rows])
