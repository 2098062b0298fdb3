"""A scorer to the places of the true items and the first k of every list, over the whole catalogue.

A rank is counted, not sorted: the items with a higher score, and those with the same score and a lower row,
which is the place a stable sort would give. Users go through in tiles, so that memory does not grow with
users times items.
"""

from dataclasses import dataclass

import numpy as np

from m6rec_cli.baselines._base import Scorer
from m6rec_cli.errors import M6RecError
from m6rec_cli.judging.task import Task
from m6rec_cli.metrics._base import Lists, Ranks
from m6rec_cli.report import Reporter

TILE_BYTES = 64 * 2**20


@dataclass(frozen=True)
class View:
    """What one system showed: `masked` without the items met before, `unmasked` with them."""

    ranks: Ranks
    lists: Lists


@dataclass(frozen=True)
class Judged:
    """A system's answers to a `Task`.

    Attributes:
        name: How the system was named on the command line.
        kind: `run`, `recs` or `baseline`.
        masked: See `Task.seen_keys`; this view comes first everywhere.
        unmasked: All items compete.
    """

    name: str
    kind: str
    masked: View
    unmasked: View


def judge(task: Task, scorer: Scorer, k: int, report: Reporter, *, name: str, kind: str,
          tile_bytes: int = TILE_BYTES) -> Judged:  # fmt: skip
    """Score every judged user and keep the true items' ranks and the first `k` items.

    Raises:
        M6RecError: The scorer gave a value that is not a number.
    """
    rows = max(1, tile_bytes // (4 * max(task.n_items, 1)))
    places = np.empty((2, len(task.truth_item)), np.int64)
    tops = np.full((2, task.n_users, k), -1, np.int32)
    with report.task(f"judging {name}", task.n_users, "users") as progress:
        for start in range(0, task.n_users, rows):
            end = min(start + rows, task.n_users)
            scores = np.asarray(scorer.score(task.users[start:end]))
            if np.isnan(scores).any():
                raise M6RecError(f"`{name}` gives scores that are not numbers", hint="is the run damaged?")
            t0, t1 = np.searchsorted(task.truth_user, (start, end))
            user, item = task.truth_user[t0:t1] - start, task.truth_item[t0:t1]
            low, high = np.searchsorted(task.seen_keys, np.array((start, end)) * task.n_items)
            seen_user, seen_item = np.divmod(task.seen_keys[low:high] - start * task.n_items, task.n_items)
            places[1, t0:t1] = count_above(scores, user, item)
            places[0, t0:t1] = places[1, t0:t1] - seen_above(scores, user, item, seen_user, seen_item)
            tops[0, start:end], tops[1, start:end] = top_lists(scores, seen_user, seen_item, k)
            progress.advance(end - start)
    masked, unmasked = (
        View(Ranks(place, task.truth_user, task.n_users), Lists(top))
        for place, top in zip(places, tops, strict=True)
    )
    return Judged(name, kind, masked, unmasked)


def count_above(scores: np.ndarray, user: np.ndarray, item: np.ndarray) -> np.ndarray:
    """How many items stand above each (user, item) of the tile, int64 (truths,).

    Args:
        scores: float32 (users, items).
        user: Rows of `scores`, sorted.
        item: Columns of `scores`.
    """
    above = np.empty(len(user), np.int64)
    # One true item a user at a time, so that no temporary is larger than the tile.
    turn = np.arange(len(user)) - np.searchsorted(user, user)
    for t in range(int(turn.max(initial=-1)) + 1):
        mine = np.flatnonzero(turn == t)
        tile = scores if len(mine) == len(scores) else scores[user[mine]]
        own = tile[np.arange(len(mine)), item[mine]][:, None]
        above[mine] = np.count_nonzero(tile > own, axis=1)
        tied = np.flatnonzero(np.count_nonzero(tile == own, axis=1) > 1)
        for row in tied:
            above[mine[row]] += np.count_nonzero(tile[row, : item[mine[row]]] == own[row])
    return above


def seen_above(scores: np.ndarray, user: np.ndarray, item: np.ndarray, seen_user: np.ndarray,
               seen_item: np.ndarray) -> np.ndarray:  # fmt: skip
    """How many of the masked (seen_user, seen_item) pairs stand above each (user, item), int64 (truths,)."""
    first = np.searchsorted(seen_user, user)
    count = np.searchsorted(seen_user, user, side="right") - first
    truth = np.repeat(np.arange(len(user)), count)
    pair = np.arange(len(truth)) + np.repeat(first - (np.cumsum(count) - count), count)
    theirs = scores[seen_user[pair], seen_item[pair]]
    own = scores[user, item][truth]
    beats = (theirs > own) | ((theirs == own) & (seen_item[pair] < item[truth]))
    return np.bincount(truth[beats], minlength=len(user))


def top_lists(scores: np.ndarray, seen_user: np.ndarray, seen_item: np.ndarray,
              k: int) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """The first `k` items of every user, without and with the seen ones; int32 (users, k), -1 beyond the end.

    One selection serves both: the first k + m items hold k unseen ones, if m is the most anybody has seen.
    """
    n_users, n_items = scores.shape
    most_seen = int(np.bincount(seen_user, minlength=1).max()) if len(seen_user) else 0
    wide = stable_top(scores, min(n_items, k + most_seen))
    keys = seen_user * n_items + seen_item
    all_keys = np.arange(n_users)[:, None] * n_items + wide
    unseen = ~np.isin(all_keys, keys, kind="sort")
    place = np.cumsum(unseen, axis=1) - 1
    user, column = np.nonzero(unseen & (place < k))
    masked, unmasked = np.full((2, n_users, k), -1, np.int32)
    masked[user, place[user, column]] = wide[user, column]
    unmasked[:, : min(k, wide.shape[1])] = wide[:, :k]
    return masked, unmasked


def stable_top(scores: np.ndarray, c: int) -> np.ndarray:
    """Columns of the `c` highest scores of each row, best first, equal ones by the lower column; int64."""
    n_items = scores.shape[1]
    if c >= n_items:
        return np.argsort(-scores, axis=1, kind="stable")
    chosen = np.argpartition(-scores, c - 1, axis=1)[:, :c]
    least = np.take_along_axis(scores, chosen, axis=1).min(axis=1, keepdims=True)
    # Where more items share the least score than fit, the partition picked any of them: take the lowest columns.
    for row in np.flatnonzero(np.count_nonzero(scores >= least, axis=1) > c):
        better = np.flatnonzero(scores[row] > least[row])
        chosen[row] = np.append(better, np.flatnonzero(scores[row] == least[row])[: c - len(better)])
    chosen.sort(axis=1)
    order = np.argsort(-np.take_along_axis(scores, chosen, axis=1), axis=1, kind="stable")
    return np.take_along_axis(chosen, order, axis=1)
