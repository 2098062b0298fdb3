"""A system's lists to those of a few users: history, list, and what came."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from m6rec_cli.evaluation.metrics._base import MISS
from m6rec_cli.evaluation.results import SystemResult, ViewName
from m6rec_cli.evaluation.task import EvaluationTask

_SHOWN = 5
"""Events of a history, items of a list and targets that are shown."""


@dataclass(frozen=True, kw_only=True)
class HistoryEvent:
    """An event of a history.

    Attributes:
        kind: The event kind; None if the log has one kind only.
        date: UTC, `2024-03-01`; None if the log has no times.
    """

    item_id: str
    name: str
    kind: str | None
    date: str | None


@dataclass(frozen=True, kw_only=True)
class ListedItem:
    """A place of a list; `hit` says whether the item came."""

    item_id: str
    name: str
    hit: bool


@dataclass(frozen=True, kw_only=True)
class Target:
    """A held-out item.

    Attributes:
        rank: Its rank from 1, the middle one of tied items; None if it is not ranked: a seen item
            in a masked list, or an item that a list file does not hold.
        seen: Whether the user has seen it before.
    """

    item_id: str
    name: str
    rank: int | None
    seen: bool


@dataclass(frozen=True, kw_only=True)
class UserStory:
    """A user of the sample.

    Attributes:
        n_events: Events of the history, of which `history` has the last.
        history: Oldest event first.
        listed: The first items of the list.
        n_targets: Held-out items, of which `targets` has those with the best ranks.
    """

    user_id: str
    n_events: int
    history: list[HistoryEvent]
    listed: list[ListedItem]
    n_targets: int
    targets: list[Target]


def tell_user_stories(
    task: EvaluationTask, result: SystemResult, view: ViewName, n: int, seed: int
) -> list[UserStory]:
    """The histories and lists of `n` evaluated users, drawn at random whatever their lists are.

    Where a user has several lists (`rolling`), the last one is shown.
    """
    rng = np.random.default_rng(seed)
    users = np.sort(rng.choice(task.n_users, min(n, task.n_users), replace=False))
    queries = np.searchsorted(task.query_user, users, side="right") - 1
    return [_tell(task, result, view, int(query)) for query in queries]


def _tell(task: EvaluationTask, result: SystemResult, view: ViewName, query: int) -> UserStory:
    queries, ranked = task.queries, result.view(view)
    start, stop = int(queries.start[query]), int(queries.stop[query])
    of_query = slice(*np.searchsorted(task.target_query, (query, query + 1)))
    targets = task.target_item[of_query]
    items = ranked.lists.items[query]
    listed = items[items >= 0][:_SHOWN]
    return UserStory(
        user_id=task.data.users["id"][int(queries.user_row[query])],
        n_events=stop - start,
        history=[_event(task, at) for at in range(max(start, stop - _SHOWN), stop)],
        listed=[
            ListedItem(item_id=item_id, name=name, hit=bool((targets == row).any()))
            for row, (item_id, name) in zip(listed, _named(task, listed), strict=True)
        ],
        n_targets=len(targets),
        targets=_targets(task, result, view, of_query),
    )


def _targets(
    task: EvaluationTask, result: SystemResult, view: ViewName, of_query: slice
) -> list[Target]:
    ranks = result.view(view).ranks
    rank = ranks.rank[of_query]
    ties = np.ones_like(rank) if ranks.ties is None else ranks.ties[of_query]
    seen, items = task.repeated_mask[of_query], task.target_item[of_query]
    best = np.argsort(rank, kind="stable")[:_SHOWN]
    return [
        Target(
            item_id=item_id,
            name=name,
            rank=None if rank[i] == MISS else int(rank[i] + 1 + (ties[i] - 1) // 2),
            seen=bool(seen[i]),
        )
        for i, (item_id, name) in zip(best, _named(task, items[best]), strict=True)
    ]


def _event(task: EvaluationTask, at: int) -> HistoryEvent:
    events, kinds = task.queries.events, task.data.manifest.event_kinds
    ((item_id, name),) = _named(task, events.item_row[at : at + 1])
    when = datetime.fromtimestamp(int(events.timestamp[at]) / 1000, UTC)
    return HistoryEvent(
        item_id=item_id,
        name=name,
        kind=kinds[int(events.event[at])] if len(kinds) > 1 else None,
        date=when.date().isoformat() if task.data.has_time else None,
    )


def _named(task: EvaluationTask, rows: np.ndarray) -> list[tuple[str, str]]:
    """The id and the readable name of items."""
    table = task.data.items
    return [
        (table["id"][int(row)], table["display"][int(row)] or table["id"][int(row)]) for row in rows
    ]
