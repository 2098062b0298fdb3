"""Stored user states and newer events to user histories, equal to a full pass over the whole log.

The decoder goes on from the state of each user and reads new events only. Where that differs from a
full pass, it rereads the events that the state directory keeps, never the log: see `state_advance`.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from m6rec_cli.data.spans import span_positions
from m6rec_cli.inference import incremental_inputs, raw_inputs, state_advance, user_states
from m6rec_cli.inference.event_merge import KEY, MergedEvents, digest_events, merge_events
from m6rec_cli.inference.loaded_run import LoadedRun
from m6rec_cli.inference.profile_digests import profile_digests
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.inference.user_states import UserStates
from m6rec_cli.system.progress import Reporter

EXTRA_EVENTS = 3
"""Events stored beyond `max_history`: a full pass reads the gap before its first event and the gap
before that, and an explanation leaves one event out."""


@dataclass(frozen=True, kw_only=True)
class StateUpdate:
    """What newer events change in a state directory.

    Attributes:
        states: The states of all users that have events, after their last event.
        is_changed: Whether `states` differ from those that are stored.
        changed_rows: Users whose state changed, then the users with only a profile: none is stored.
            If these are the events of the last update again, with the users that it changed.
        older: `user` and `item_row` of the events before the stored ones, sorted by user.
        counts: For the summary.
    """

    states: UserStates
    is_changed: bool
    changed_rows: np.ndarray
    older: pl.DataFrame
    counts: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class IncrementalHistories(UserHistories):
    """Users with their stored states; those with events come first.

    Attributes:
        update: Holds their states.
    """

    update: StateUpdate

    def contexts(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Context and decoder state of some users; states of stored users stay zero, unused."""
        stored = self.update.states.contexts
        held = rows < len(stored)
        contexts = np.zeros((len(rows), stored.shape[1]), np.float32)
        states = np.zeros((len(rows), self.run.model.decoder.state_size), np.float32)
        contexts[held] = stored[rows[held]]
        if not held.all():
            contexts[~held], states[~held] = super().contexts(rows[~held])
        return contexts, states

    def seen(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The seen items of some users, with those before the stored events."""
        owner, item = super().seen(rows)
        older_owner, index = span_positions(self._older_offsets, rows)
        owner = np.concatenate([owner, older_owner])
        item = np.concatenate([item, self.update.older["item_row"].to_numpy()[index]])
        order = np.argsort(owner, kind="stable")
        return owner[order], item[order]

    @cached_property
    def _older_offsets(self) -> np.ndarray:
        return np.searchsorted(self.update.older["user"].to_numpy(), np.arange(len(self.ids) + 1))

    def save(self, folder: Path) -> None:
        """Write the states if they changed, else remove what a killed write left behind."""
        if self.update.is_changed:
            user_states.write_states(folder, self.update.states, self.run.digest, self.run.path)
        else:
            user_states.remove_leftovers(folder)


def update_histories(
    run: LoadedRun,
    log: Path | None,
    profiles: Path | None,
    folder: Path,
    report: Reporter,
    media: Path | None = None,
) -> IncrementalHistories:
    """The users of a state directory, of newer events and of a raw user table.

    Args:
        log: Newer events, or the whole log again: events that the state holds are skipped.
        media: See `raw_inputs.read_histories`.

    Raises:
        M6RecError: The state is damaged or another run's, there is neither a state nor a log, or a
            file is wrong.
    """
    old = incremental_inputs.read_old_states(run, log, profiles, folder)
    frame = incremental_inputs.read_newer_events(run, log, report, may_be_empty=len(old.users) > 0)
    table = raw_inputs.read_profiles(run, profiles, report)
    held = pl.concat([old.users["id"], frame["user_id"]]).unique(maintain_order=True)
    ids = held if table is None else pl.concat([held, table["id"]]).unique(maintain_order=True)
    item_ids = pl.concat([old.items["id"], frame["item_id"]]).unique(maintain_order=True)
    items = incremental_inputs.item_table(run, item_ids)
    new = _coded(frame, ids, items)
    most = run.config.model.max_history + EXTRA_EVENTS
    events = merge_events(old, new, items, most)

    on_known_items = events.recent.filter(pl.col("item_row") >= 0)
    weighted = on_known_items.with_columns(pl.lit(1.0, pl.Float32).alias("weight"))
    histories = UserHistories(
        run=run,
        events=raw_inputs.as_events(weighted.rename({"user": "user_row"})),
        has_time=run.has_time and run.schema.has_time,
        ids=ids,
        profiles=raw_inputs.profile_arrays(
            run, ids, table, media or raw_inputs.media_folder(profiles), report
        ),
    )
    digests = profile_digests(histories.profiles, len(held))
    plan = state_advance.plan_reads(histories, old, digests, on_known_items, items)
    _warn_late_events(plan, old, report)
    contexts, states = state_advance.advance_states(histories, old, plan, report)
    changed = plan.reread | (plan.n_new > 0) | _has_new_older_events(old, events, len(held))
    n_stored, night = len(old.users), digest_events(new)
    is_changed = bool(changed.any() or not n_stored or events.recent["fresh"].any())
    if night == old.night:
        changed[old.changed["user"].to_numpy()] = True
        report.note(
            f"these are the events that the state read last: the {len(old.changed):,} users that "
            "they changed count as changed again"
        )
    update = StateUpdate(
        states=UserStates(
            users=pl.DataFrame({"id": held, "profile": digests}),
            events=events.recent,
            older=events.older,
            items=items,
            changed=pl.DataFrame({"user": pl.Series(np.flatnonzero(changed), dtype=pl.UInt32)}),
            contexts=contexts,
            states=states,
            night=night,
        ),
        is_changed=is_changed,
        changed_rows=np.append(np.flatnonzero(changed), np.arange(len(held), len(ids))),
        older=_older_items(events, items),
        counts={
            "users": len(held),
            "new_events": int(events.recent["fresh"].sum()),
            "known_events": events.n_known,
            "late_events": int(plan.n_late.sum()) if n_stored else 0,
            "advanced": int(plan.advance.sum()),
            "reread": int(plan.reread.sum()),
        },
    )
    return IncrementalHistories(
        run=run,
        events=histories.events,
        has_time=histories.has_time,
        ids=ids,
        profiles=histories.profiles,
        update=update,
    )


def _coded(frame: pl.DataFrame, ids: pl.Series, items: pl.DataFrame) -> pl.DataFrame:
    """New events with the rows of their users and items."""
    users = pl.DataFrame({"user_id": ids}).with_row_index("user")
    codes = items.select(item_id="id").with_row_index("item")
    return (
        frame.join(users, on="user_id", how="left", maintain_order="left")
        .join(codes, on="item_id", how="left", maintain_order="left")
        .select(KEY)
    )


def _warn_late_events(plan: state_advance.ReadPlan, old: UserStates, report: Reporter) -> None:
    n_users = int((plan.n_late > 0).sum())
    if len(old.users) and n_users:
        report.warn(
            f"{plan.n_late.sum():,} events are older than events that the state has read; their "
            f"{n_users:,} users are reread from the events that the state keeps"
        )


def _has_new_older_events(old: UserStates, events: MergedEvents, n_users: int) -> np.ndarray:
    """Users with a new event before the stored ones: it is not read, but its item is seen."""
    new_pairs = events.older["user"].slice(len(old.older))
    return np.bincount(new_pairs, minlength=n_users) > 0


def _older_items(events: MergedEvents, items: pl.DataFrame) -> pl.DataFrame:
    """The older events on catalogue items, see `StateUpdate.older`."""
    rows = events.older.with_columns(items["item_row"].gather(events.older["item"]))
    return rows.filter(pl.col("item_row") >= 0).sort("user", maintain_order=True)
