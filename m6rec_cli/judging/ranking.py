"""A scorer to the places of the true items and the first k of every list, over the whole catalogue.

A rank is counted, not sorted: the items with a higher score, and those with the same score and a lower row,
which is the place a stable sort would give. Users go through in tiles, so that memory does not grow with
users times items.
"""

from dataclasses import dataclass

import numpy as np

from m6rec_cli import cluster
from m6rec_cli.baselines._base import Scorer
from m6rec_cli.errors import M6RecError
from m6rec_cli.judging.task import Task
from m6rec_cli.metrics._base import Lists, Ranks
from m6rec_cli.report import Reporter

TILE_BYTES = 64 * 2**20
_GROUP = 32
"""Columns of a group at the most."""


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
    # A power of two, as a model's tiles are.
    rows = 1 << (max(1, tile_bytes // (4 * max(task.n_items, 1))).bit_length() - 1)
    # Of several processes each asks for a share of the users, and all hear every answer.
    mine = np.array_split(np.arange(task.n_users), cluster.number())[cluster.index()]
    first, last = (int(mine[0]), int(mine[-1]) + 1) if len(mine) else (0, 0)
    begin, stop = np.searchsorted(task.truth_user, (first, last))
    places = np.empty((2, stop - begin), np.int64)
    tops = np.full((2, last - first, k), -1, np.int32)
    with report.task(f"judging {name}", last - first, "users") as progress:
        for start in range(first, last, rows):
            end = min(start + rows, last)
            scores = np.require(scorer.score(task.users[start:end]), requirements=("C", "W"))
            if np.isnan(scores).any():
                raise M6RecError(f"`{name}` gives scores that are not numbers", hint="is the run damaged?")
            t0, t1 = np.searchsorted(task.truth_user, (start, end))
            user, item = task.truth_user[t0:t1] - start, task.truth_item[t0:t1]
            low, high = np.searchsorted(task.seen_keys, np.array((start, end)) * task.n_items)
            seen_user, seen_item = np.divmod(task.seen_keys[low:high] - start * task.n_items, task.n_items)
            own = slice(t0 - begin, t1 - begin)
            places[1, own] = count_above(scores, user, item)
            places[0, own] = places[1, own] - seen_above(scores, user, item, seen_user, seen_item)
            shown = slice(start - first, end - first)
            tops[0, shown], tops[1, shown] = top_lists(scores, seen_user, seen_item, k)
            progress.advance(end - start)
    places = cluster.gathered(places.T).T
    tops = cluster.gathered(tops.swapaxes(0, 1)).swapaxes(0, 1)
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

    Scores of seen items are taken away for a moment, and put back.
    """
    masked, unmasked = np.full((2, len(scores), k), -1, np.int32)
    wide = min(k, scores.shape[1])
    unmasked[:, :wide] = stable_top(scores, wide)
    theirs = scores[seen_user, seen_item]
    scores[seen_user, seen_item] = -np.inf
    top = stable_top(scores, wide)
    masked[:, :wide] = np.where(np.isneginf(np.take_along_axis(scores, top, axis=1)), -1, top)
    scores[seen_user, seen_item] = theirs
    return masked, unmasked


def stable_top(scores: np.ndarray, c: int) -> np.ndarray:
    """Columns of the `c` highest scores of each row, best first, equal ones by the lower column; int64.

    The c-th best of the bests of many groups of columns is a score that at least c columns reach, and seldom
    many more: those alone are sorted.
    """
    n_users, n_items = scores.shape
    group = min(_GROUP, n_items // (2 * c))
    if group < 2:
        return np.argsort(-scores, axis=1, kind="stable")[:, :c]
    n_groups = n_items // group
    best = scores[:, : n_groups * group].reshape(n_users, group, n_groups).max(axis=1)
    least = np.partition(best, n_groups - c, axis=1)[:, n_groups - c]
    user, column = np.divmod(np.flatnonzero(scores >= least[:, None]), n_items)
    order = np.lexsort((column, -scores[user, column], user))
    first = np.searchsorted(user, np.arange(n_users))  # users ascend, before the sort and after it
    return column[order][first[:, None] + np.arange(c)]
