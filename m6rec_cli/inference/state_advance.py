"""Stored decoder states and new events to the states after them, equal to those of a full pass.

Most users advance: the decoder reads their new events only. A user is reread from the stored events
if

- an event is late, that is, before an event that was read;
- the history is longer than `model.max_history`: a full pass forgets its start, a state does not;
- the profile changed, or an item of the history entered, left or changed in the catalogue.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from m6rec_cli.execution.user_contexts import advance_contexts, round_up_size
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.inference.user_states import UserStates
from m6rec_cli.model.recommender import Tokens
from m6rec_cli.system.progress import Reporter, compiling
from m6rec_cli.system.tokens import START

_USERS_AT_ONCE, _TOKENS_AT_ONCE = 16_384, 65_536


@dataclass(frozen=True, kw_only=True)
class ReadPlan:
    """How to get the state of each user that has events; arrays (users,).

    Attributes:
        reread: bool, read all stored events.
        advance: bool, read the new events only. Other users keep their state.
        n_new: New events.
        n_late: New events before one that was read.
    """

    reread: np.ndarray
    advance: np.ndarray
    n_new: np.ndarray
    n_late: np.ndarray


def plan_reads(
    histories: UserHistories,
    old: UserStates,
    digests: np.ndarray,
    events: pl.DataFrame,
    items: pl.DataFrame,
) -> ReadPlan:
    """Decide which users advance and which are reread.

    Args:
        histories: The stored and the new events.
        digests: From `profile_digests`, of the users that have events.
        events: The events of `histories` as in `MergedEvents.recent`.
        items: From `item_table`.
    """
    n_old, n = len(old.users), len(digests)
    reread = np.ones(n, bool)
    reread[:n_old] = digests[:n_old] != old.users["profile"].to_numpy()
    n_new, n_late = (
        np.bincount(events["user"].filter(events[c]), minlength=n) for c in ("fresh", "late")
    )
    reread |= n_late > 0
    too_long = np.diff(histories.offsets)[:n] > histories.run.config.model.max_history
    reread |= (n_new > 0) & too_long
    changed = _changed_items(old, items)[old.events["item"].to_numpy()]
    reread[np.unique(old.events["user"].to_numpy()[changed])] = True
    return ReadPlan(reread=reread, advance=(n_new > 0) & ~reread, n_new=n_new, n_late=n_late)


def advance_states(
    histories: UserHistories, old: UserStates, plan: ReadPlan, report: Reporter
) -> tuple[np.ndarray, np.ndarray]:
    """Contexts f32 (users, d) and decoder states f32 (users, s) of the users that have events."""
    n_added = len(plan.reread) - len(old.users)
    contexts, states = (
        np.concatenate([x, np.zeros((n_added, x.shape[1]), np.float32)])
        for x in (old.contexts, old.states)
    )
    total = int(plan.reread.sum() + plan.advance.sum())
    with report.task("state", total=total, unit="users", first=compiling()) as task:
        rows = np.flatnonzero(plan.reread)
        for start in range(0, len(rows), _USERS_AT_ONCE):
            chunk = rows[start : start + _USERS_AT_ONCE]
            contexts[chunk], states[chunk] = histories.contexts(chunk)
            task.advance(len(chunk))
        for chunk in _chunks_by_length(np.flatnonzero(plan.advance), plan.n_new):
            contexts[chunk], states[chunk] = _advance(
                histories, chunk, plan.n_new[chunk], states[chunk]
            )
            task.advance(len(chunk))
    return contexts, states


def _changed_items(old: UserStates, items: pl.DataFrame) -> np.ndarray:
    """Stored items that are another input to the decoder now, bool (stored items,)."""
    now = items.head(len(old.items))
    changed = (now["known"] != old.items["known"]).to_numpy().copy()
    both = now["embedding"].is_not_null() & old.items["embedding"].is_not_null()
    for at in np.flatnonzero(both.to_numpy()):
        # Encoding in another batch may change the last bits.
        changed[at] |= not np.allclose(
            now["embedding"][int(at)], old.items["embedding"][int(at)], atol=1e-5
        )
    return changed


def _chunks_by_length(rows: np.ndarray, lengths: np.ndarray) -> Iterator[np.ndarray]:
    """Users with similar numbers of new events, and a bounded number of tokens in each chunk."""
    widths = 1 << np.ceil(np.log2(np.maximum(lengths[rows], 1))).astype(int)
    for width in np.unique(widths):
        mine, most = rows[widths == width], max(1, _TOKENS_AT_ONCE // int(width))
        for start in range(0, len(mine), most):
            yield mine[start : start + most]


def _advance(
    histories: UserHistories, rows: np.ndarray, lengths: np.ndarray, states: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Read the last `lengths` events of some users from their states on."""
    shape = (len(rows), 1 << int(np.ceil(np.log2(lengths.max()))))
    ends = histories.offsets[rows + 1]
    index = ends[:, None] - lengths[:, None] + np.arange(shape[1])
    real = np.arange(shape[1]) < lengths[:, None]
    index = np.where(real, index, 0)
    events = histories.events
    tokens = Tokens(
        item=np.where(real, events.item_row[index], START).astype(np.int32),
        event=np.where(real, events.event[index], 0).astype(np.int32),
        gap=np.where(real, histories.gaps[index], 0).astype(np.int32),
        user=np.broadcast_to(np.arange(len(rows), dtype=np.int32)[:, None], shape),
        reset=np.zeros(shape, bool),
    )
    profiles = histories.device_profiles(np.resize(rows, round_up_size(len(rows))))
    run = histories.run
    return advance_contexts(
        run.model, run.catalogue.embeddings, tokens, lengths - 1, states, profiles
    )
