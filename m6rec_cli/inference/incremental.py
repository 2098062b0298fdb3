"""A state directory and newer events to an audience, as a full pass over the whole log would give it.

A user's decoder state goes on by the new events alone. A user is read anew from the events that the state keeps,
never from the log, where going on would not give what a full pass gives:

- an event came late, that is, before one that was read already;
- the history grew beyond `model.max_history`: a full pass forgets its beginning, and a state does not;
- the profile changed, or an item of the history entered, left or changed in a catalogue given by `--items`.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from m6rec_cli.execution.user_contexts import advanced_contexts, round_up_size
from m6rec_cli.inference import raw_inputs, user_states
from m6rec_cli.inference.event_merge import KEY, merged
from m6rec_cli.inference.loaded_run import LoadedRun
from m6rec_cli.inference.profile_digests import profile_digests
from m6rec_cli.inference.user_histories import UserHistories, spans
from m6rec_cli.inference.user_states import UserStates
from m6rec_cli.model.recommender import Tokens
from m6rec_cli.preprocessing import schema_file, tables
from m6rec_cli.preprocessing.columns import timestamps
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.preprocessing.tables import NoRecords
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import Reporter
from m6rec_cli.system.tokens import START

BEYOND = 3
"""Events that are kept beyond `max_history`: a full pass looks at one before its first, and at the time between that
one and the one before it; and an explanation leaves one out."""

_USERS_AT_ONCE, _TOKENS_AT_ONCE = 16_384, 65_536


@dataclass(frozen=True)
class Remembered(UserHistories):
    """Users whose contexts are known already: those with events come first.

    Attributes:
        carried: f32 (n, d), the contexts of the first n users.
        older: `user` and `item_row` of what was met before the kept events, sorted by user.
        moved: Rows of the users whose state changed, and of those who have a profile alone, of whom none is kept.
        counts: What happened, for the summary.
        kept: What `save` writes; None if nothing changed.
    """

    carried: np.ndarray
    older: pl.DataFrame
    moved: np.ndarray
    counts: dict[str, int]
    kept: UserStates | None

    def contexts(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As of an audience; the decoder state is not asked for and stays zero where it is carried."""
        held = rows < len(self.carried)
        contexts = np.zeros((len(rows), self.carried.shape[1]), np.float32)
        states = np.zeros((len(rows), self.run.model.decoder.state_size), np.float32)
        contexts[held] = self.carried[rows[held]]
        if not held.all():
            contexts[~held], states[~held] = super().contexts(rows[~held])
        return contexts, states

    def seen(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Also what was met before the kept events."""
        owner, item = super().seen(rows)
        more, index = spans(self._older_offsets, rows)
        owner, item = (
            np.concatenate(pair)
            for pair in ((owner, more), (item, self.older["item_row"].to_numpy()[index]))
        )
        order = np.argsort(owner, kind="stable")
        return owner[order], item[order]

    @cached_property
    def _older_offsets(self) -> np.ndarray:
        return np.searchsorted(self.older["user"].to_numpy(), np.arange(len(self.ids) + 1))

    def save(self, folder: Path) -> None:
        """Write what is remembered now, if anything changed."""
        if self.kept is not None:
            counts = {
                "users": len(self.kept.users),
                "profiles": int((self.kept.users["profile"] != 0).sum()),
            }
            user_states.write(folder, self.kept, self.run.digest, counts)


def audience(
    run: LoadedRun,
    log: Path | None,
    profiles: Path | None,
    folder: Path,
    report: Reporter,
    media: Path | None = None,
) -> Remembered:
    """The users of a state directory, of newer events and of a raw profile table.

    Args:
        log: Newer events, or the whole log again: what the state holds already is skipped.
        media: See `raw.audience`.

    Raises:
        M6RecError: The state is another model's or damaged; there is neither a state nor a log; or an input is at fault.
    """
    schema = run.schema
    if schema.timestamp is None:
        raise M6RecError(
            "the events have no time, so newer ones cannot be told from older ones",
            where=str(run.path / "features" / schema_file.FILE),
            hint="leave out `--state`, or train on a log with a time column",
        )
    if log is not None and schema.timestamp_format == "order":
        _require_whole(log, schema.timestamp)
    old = UserStates.empty(run.config.model.width, run.model.decoder.state_size)
    if user_states.exists(folder):
        old = user_states.read(folder, run.digest)
    elif log is None:
        raise M6RecError(
            "there is no state yet, and no events to make it from",
            where=str(folder),
            hint="pass `--interactions`",
        )
    if profiles is None and (old.users["profile"] != 0).any():
        raise M6RecError(
            "the state was made with profiles, and none are given",
            where=str(folder),
            hint="pass `--users`, or name another `--state` and pass the whole log",
        )
    frame = _newer(run, log, schema, report, may_be_empty=len(old.users) > 0)
    table = raw_inputs.read_profiles(run, profiles, schema, report)
    held = pl.concat([old.users["id"], frame["user_id"]]).unique(maintain_order=True)
    ids = held if table is None else pl.concat([held, table["id"]]).unique(maintain_order=True)
    items = _items(run, pl.concat([old.items["id"], frame["item_id"]]).unique(maintain_order=True))

    users = pl.DataFrame({"user_id": ids}).with_row_index("user")
    codes = items.select(item_id="id").with_row_index("item")
    new = frame.join(users, on="user_id", how="left", maintain_order="left").join(
        codes, on="item_id", how="left", maintain_order="left"
    )
    kept_events, older, passed_over = merged(
        old, new.select(KEY), items, run.config.model.max_history + BEYOND
    )

    known = kept_events.filter(pl.col("item_row") >= 0)
    log_events = raw_inputs.as_events(
        known.with_columns(pl.lit(1.0, pl.Float32).alias("weight")).rename({"user": "user_row"})
    )
    arrays = raw_inputs.profile_arrays(
        run, ids, table, media or raw_inputs.folder_of(profiles), report
    )
    base = UserHistories(run, log_events, run.has_time and schema.has_time, ids, arrays)

    digests = profile_digests(base, len(held))
    n_old, n = len(old.users), len(held)
    anew = np.ones(n, bool)
    anew[:n_old] = digests[:n_old] != old.users["profile"].to_numpy()
    fresh, late = (
        np.bincount(known["user"].filter(known[c]), minlength=n) for c in ("fresh", "late")
    )
    anew |= late > 0
    anew |= (fresh > 0) & (np.diff(base.offsets)[:n] > run.config.model.max_history)
    changed = _changed_items(old, items)
    anew[np.unique(old.events["user"].to_numpy()[changed[old.events["item"].to_numpy()]])] = True
    onward = np.flatnonzero((fresh > 0) & ~anew)
    if n_old and (late > 0).any():
        report.warn(
            f"{late.sum():,} events are older than what the state had read of their users; these "
            f"{(late > 0).sum():,} users were read anew from the events that it keeps"
        )

    contexts, states = (
        np.concatenate([x, np.zeros((n - n_old, x.shape[1]), np.float32)])
        for x in (old.contexts, old.states)
    )
    with report.task("state", total=int(anew.sum()) + len(onward), unit="users") as task:
        rows = np.flatnonzero(anew)
        for start in range(0, len(rows), _USERS_AT_ONCE):
            chunk = rows[start : start + _USERS_AT_ONCE]
            contexts[chunk], states[chunk] = base.contexts(chunk)
            task.advance(len(chunk))
        for chunk in _by_length(onward, fresh):
            contexts[chunk], states[chunk] = _advanced(base, chunk, fresh[chunk], states[chunk])
            task.advance(len(chunk))

    # What was met before the kept events is not read, but it is not listed either.
    met_now = np.bincount(older["user"].slice(len(old.older)), minlength=n) > 0
    moved = np.flatnonzero(anew | (fresh > 0) | met_now)
    kept = None
    alone = np.arange(n, len(ids))
    if len(moved) or not n_old or kept_events["fresh"].any():
        kept = UserStates(
            pl.DataFrame({"id": held, "profile": digests}),
            kept_events,
            older,
            items,
            contexts,
            states,
        )
    counts = {
        "users": n,
        "new_events": int(kept_events["fresh"].sum()),
        "known_events": passed_over,
        "late_events": int(late.sum()) if n_old else 0,
        "advanced": len(onward),
        "read_anew": int(anew.sum()),
    }
    met = older.with_columns(items["item_row"].gather(older["item"])).filter(
        pl.col("item_row") >= 0
    )
    return Remembered(
        run,
        base.events,
        base.has_time,
        ids,
        base.profiles,
        contexts,
        met.sort("user", maintain_order=True),
        np.append(moved, alone),
        counts,
        kept,
    )


def _require_whole(log: Path, column: str) -> None:
    """Raise if an order has fractions: events have the ranks of their file then, which mean nothing in another one."""
    table = tables.scan(log, "interactions")
    if column in table.schema and timestamps.has_fractions(table.head()[column]):
        raise M6RecError(
            "the order of the events has fractions, so newer ones cannot be told from older ones",
            where=f"{log}, column `{column}`",
            hint="leave out `--state`, or number the events",
        )


def _newer(
    run: LoadedRun, log: Path | None, schema: Schema, report: Reporter, *, may_be_empty: bool
) -> pl.DataFrame:
    """The log, of which nothing may be there: a night without events is no fault of the state."""
    try:
        return raw_inputs.read_log(run, log, schema, report)
    except NoRecords as nothing:
        if not may_be_empty:
            raise
        report.warn(f"{nothing.what}, so there is nothing newer than the state: {log}")
        return raw_inputs.read_log(run, None, schema, report)


def _items(run: LoadedRun, ids: pl.Series) -> pl.DataFrame:
    """The layout's `items` for some ids, and `item_row` i64: the row in the catalogue now, -1 if it has none."""
    rows = run.items.select("id", item_row=pl.col("row").cast(pl.Int64))
    frame = pl.DataFrame({"id": ids}).join(rows, on="id", how="left", maintain_order="left")
    frame = frame.with_columns(
        pl.col("item_row").fill_null(-1), known=pl.col("item_row").is_not_null()
    )
    row = frame["item_row"].to_numpy()
    extra = row >= run.manifest["model"]["items"]
    vectors = iter(np.asarray(run.embeddings)[row[extra]].tolist())
    embedding = pl.Series([next(vectors) if e else None for e in extra], dtype=pl.List(pl.Float32))
    return frame.with_columns(embedding.alias("embedding"))


def _changed_items(old: UserStates, items: pl.DataFrame) -> np.ndarray:
    """Items of the old table that are another input to the decoder now, bool (old items,)."""
    now = items.head(len(old.items))
    changed = (now["known"] != old.items["known"]).to_numpy().copy()
    for at in np.flatnonzero(
        (now["embedding"].is_not_null() & old.items["embedding"].is_not_null()).to_numpy()
    ):
        # Encoding in other company may change the last bits.
        changed[at] |= not np.allclose(
            now["embedding"][int(at)], old.items["embedding"][int(at)], atol=1e-5
        )
    return changed


def _by_length(rows: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
    """Users in groups of similar numbers of new events, each of a bounded number of tokens."""
    widths = 1 << np.ceil(np.log2(np.maximum(lengths[rows], 1))).astype(int)
    groups = []
    for width in np.unique(widths):
        mine, most = rows[widths == width], max(1, _TOKENS_AT_ONCE // int(width))
        groups += [mine[start : start + most] for start in range(0, len(mine), most)]
    return groups


def _advanced(
    base: UserHistories, rows: np.ndarray, lengths: np.ndarray, states: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Read the last `lengths` events of some users, going on from their states."""
    shape = (len(rows), 1 << int(np.ceil(np.log2(lengths.max()))))
    ends = base.offsets[rows + 1]
    index = ends[:, None] - lengths[:, None] + np.arange(shape[1])
    real = np.arange(shape[1]) < lengths[:, None]
    index = np.where(real, index, 0)
    tokens = Tokens(
        item=np.where(real, base.events.item_row[index], START).astype(np.int32),
        event=np.where(real, base.events.event[index], 0).astype(np.int32),
        gap=np.where(real, base.gaps[index], 0).astype(np.int32),
        user=np.broadcast_to(np.arange(len(rows), dtype=np.int32)[:, None], shape),
        reset=np.zeros(shape, bool),
    )
    profiles = base.device_profiles(np.resize(rows, round_up_size(len(rows))))
    run = base.run
    return advanced_contexts(run.model, run.embeddings, tokens, lengths - 1, states, profiles)
