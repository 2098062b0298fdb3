"""The users that are to be answered: their events and profiles, ready for the decoder."""

import dataclasses
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from m6rec_cli.contexts import user_contexts
from m6rec_cli.data.batches import gap_buckets, pack_histories
from m6rec_cli.data.store import Dataset, Events
from m6rec_cli.errors import M6RecError
from m6rec_cli.inference.loaded import LoadedRun
from m6rec_cli.model.fusion import Features

HISTORY, PROFILE, BOTH, NOTHING = "history", "profile", "history+profile", "popularity"


@dataclass(frozen=True)
class Audience:
    """Users by row, with what is known of each.

    Attributes:
        events: Sorted by user row and time; item rows are the run's.
        ids: Each user's id.
        profiles: Features of all users, by row; empty if the model reads none.
    """

    run: LoadedRun
    events: Events
    gaps: np.ndarray
    ids: list[str]
    profiles: Features

    @classmethod
    def of_dataset(cls, run: LoadedRun, data: Dataset, before: str) -> "Audience":
        """The users of a data directory that shares the run's catalogue."""
        events = data.history(before)
        kinds = {name: code for code, name in enumerate(run.event_kinds)}
        codes = np.array([kinds.get(name, 0) for name in data.manifest["events"]], np.uint8)
        events = Events(**{**vars(events), "event": codes[events.event]})
        known = {(s.entity, s.name): s for s in data.specs}
        profiles: Features = {}
        for spec in run.specs.user_specs:
            if (spec.entity, spec.name) not in known:
                raise M6RecError(f"the users of the data have no feature `{spec.name}`, which the model reads",
                                 where=str(data.path), hint="make the data with `m6rec preprocess --like RUN`")  # fmt: skip
            array = data.feature(spec)
            profiles[spec.name] = (jnp.asarray(array.values), jnp.asarray(array.mask))
        gaps = gap_buckets(events, has_time=run.has_time and data.has_time)
        return cls(run, events, gaps, data.users["id"].to_list(), profiles)

    def contexts(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Context and decoder state of some users, f32 (users, d) and (users, s)."""
        packed, row, at = pack_histories(
            self.events, self.gaps, rows, len(self.ids), max_history=self.run.config.model.max_history
        )
        return user_contexts(self.run.model, self.run.embeddings, packed, row, at, self.profiles)

    def basis(self, rows: np.ndarray) -> list[str]:
        """What each user's list rests on: history, profile, both, or neither (popularity)."""
        offsets = self.events.offsets(len(self.ids))
        has_events = offsets[rows + 1] > offsets[rows]
        has_profile = np.zeros(len(rows), bool)
        for _, mask in self.profiles.values():
            has_profile |= np.asarray(mask)[rows]
        names = np.array([NOTHING, PROFILE, HISTORY, BOTH])
        return names[has_profile + 2 * has_events].tolist()

    def hidden(self, rows: np.ndarray) -> np.ndarray:
        """Distinct items of each user's history, -1 beyond the end; int32 (users, longest)."""
        offsets = self.events.offsets(len(self.ids))
        lists = [np.unique(self.events.item_row[offsets[r] : offsets[r + 1]]) for r in rows]
        # Lengths in powers of two, so that few shapes are compiled.
        longest = max([len(x) for x in lists], default=1)
        out = np.full((len(rows), 1 << max(longest - 1, 0).bit_length()), -1, np.int32)
        for i, x in enumerate(lists):
            out[i, : len(x)] = x
        return out

    def with_strangers(self, ids: list[str]) -> "Audience":
        """The same users and, after them, some of whom nothing is known."""
        profiles = {
            name: (jnp.pad(v, [(0, len(ids))] + [(0, 0)] * (v.ndim - 1)), jnp.pad(mask, (0, len(ids))))
            for name, (v, mask) in self.profiles.items()
        }
        return dataclasses.replace(self, ids=self.ids + ids, profiles=profiles)
