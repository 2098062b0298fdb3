"""A scorer to the places of the true items and the first k of every list, over the whole catalogue.

A rank is counted, not sorted: the items with a higher score, and those with the same score and a lower row,
which is the place a stable sort would give. Users go through in tiles, so that memory does not grow with
users times items.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from m6rec_cli.evaluation.baselines._base import Scorer
from m6rec_cli.evaluation.metrics._base import RankedLists, Ranks
from m6rec_cli.evaluation.task import EvaluationTask, contains
from m6rec_cli.system import process_group, signals
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import Reporter

TILE_BYTES = 4 * 2**20
"""Scores of the users who are ranked at once: they stay in the cache from one look at them to the next."""
_TOGETHER = 32
_GROUP = 32
"""Columns of a group at the most."""


@dataclass(frozen=True)
class View:
    """What one system showed: `masked` without the items met before, `unmasked` with them."""

    ranks: Ranks
    lists: RankedLists


@dataclass(frozen=True)
class SystemResult:
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


def evaluate_scorer(
    task: EvaluationTask,
    scorer: Scorer,
    k: int,
    report: Reporter,
    *,
    name: str,
    kind: str,
    tile_bytes: int | None = None,
) -> SystemResult:
    """Score every judged user and keep the true items' ranks and the first `k` items.

    Raises:
        M6RecError: The scorer gave a value that is not a number.
    """
    if tile_bytes is None:
        # Of a large catalogue more than the cache holds: it is read once for all users of a tile.
        tile_bytes = max(TILE_BYTES, min(_TOGETHER * 4 * task.n_items, 16 * TILE_BYTES))
    # A power of two, as a model's tiles are.
    rows = 1 << (max(1, tile_bytes // (4 * max(task.n_items, 1))).bit_length() - 1)
    # Of several processes each asks for a share of the users, and all hear every answer.
    mine = process_group.share_of(np.arange(task.n_users))
    first, last = (int(mine[0]), int(mine[-1]) + 1) if len(mine) else (0, 0)
    begin, beyond = np.searchsorted(task.held_out_user, (first, last))
    places = np.empty((2, beyond - begin), np.int64)
    tops = np.full((2, last - first, k), -1, np.int32)
    with report.task(f"judging {name}", last - first, "users") as progress:
        spans = [(start, min(start + rows, last)) for start in range(first, last, rows)]
        for (start, end), scores in zip(spans, _scored(scorer, task.users, spans), strict=True):
            signals.check_stop()
            if np.isnan(scores.sum()):
                raise M6RecError(
                    f"`{name}` gives scores that are not numbers", hint="is the run damaged?"
                )
            t0, t1 = np.searchsorted(task.held_out_user, (start, end))
            user, item = task.held_out_user[t0:t1] - start, task.held_out_item[t0:t1]
            low, high = np.searchsorted(task.seen_keys, np.array((start, end)) * task.n_items)
            seen_user, seen_item = np.divmod(
                task.seen_keys[low:high] - start * task.n_items, task.n_items
            )
            own = slice(t0 - begin, t1 - begin)
            places[1, own] = count_ranked_above(scores, user, item)
            places[0, own] = places[1, own] - count_seen_above(scores, user, item, seen_user, seen_item)
            shown = slice(start - first, end - first)
            tops[0, shown], tops[1, shown] = top_lists(scores, seen_user, seen_item, k)
            progress.advance(end - start)
    places = process_group.gather_rows(places.T).T
    tops = process_group.gather_rows(tops.swapaxes(0, 1)).swapaxes(0, 1)
    masked, unmasked = (
        View(Ranks(place, task.held_out_user, task.n_users), RankedLists(top))
        for place, top in zip(places, tops, strict=True)
    )
    return SystemResult(name, kind, masked, unmasked)


def _scored(
    scorer: Scorer, users: np.ndarray, spans: list[tuple[int, int]]
) -> Iterator[np.ndarray]:
    """The scores of each span of users; the next ones are computed while these are ranked."""
    with ThreadPoolExecutor(1) as thread:
        coming: list[Future[np.ndarray]] = []
        for start, end in spans:
            coming.append(thread.submit(scorer.score, users[start:end]))
            if len(coming) > 1:
                yield np.require(coming.pop(0).result(), requirements=("C", "W"))
        for last in coming:
            yield np.require(last.result(), requirements=("C", "W"))


def count_ranked_above(scores: np.ndarray, user: np.ndarray, item: np.ndarray) -> np.ndarray:
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
        above[mine] = _true_in_rows(tile > own)
        tied = np.flatnonzero(_true_in_rows(tile >= own) - above[mine] > 1)
        for row in tied:
            above[mine[row]] += np.count_nonzero(tile[row, : item[mine[row]]] == own[row])
    return above


def count_seen_above(
    scores: np.ndarray,
    user: np.ndarray,
    item: np.ndarray,
    seen_user: np.ndarray,
    seen_item: np.ndarray,
) -> np.ndarray:
    """How many of the masked (seen_user, seen_item) pairs stand above each (user, item), int64 (truths,)."""
    first = np.searchsorted(seen_user, user)
    count = np.searchsorted(seen_user, user, side="right") - first
    truth = np.repeat(np.arange(len(user)), count)
    pair = np.arange(len(truth)) + np.repeat(first - (np.cumsum(count) - count), count)
    theirs = scores[seen_user[pair], seen_item[pair]]
    own = scores[user, item][truth]
    beats = (theirs > own) | ((theirs == own) & (seen_item[pair] < item[truth]))
    return np.bincount(truth[beats], minlength=len(user))


def _true_in_rows(mask: np.ndarray) -> np.ndarray:
    """True values of each row, int64; by bits, in a third of the time of a sum over bytes."""
    return np.bitwise_count(np.packbits(mask, axis=1)).sum(axis=1, dtype=np.int64)


def top_lists(
    scores: np.ndarray, seen_user: np.ndarray, seen_item: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The first `k` items of every user, without and with the seen ones, which are sorted; int32 (users, k), -1 beyond the end.

    What k unseen items reach, the k best of all reach too, so one selection serves both. Scores of seen items are
    taken away for a moment, and put back.
    """
    n_users, n_items = scores.shape
    wide = min(k, n_items)
    theirs = scores[seen_user, seen_item]
    scores[seen_user, seen_item] = -np.inf
    least = score_floor(scores, wide)
    scores[seen_user, seen_item] = theirs
    user, item, begins = sort_above_floor(scores, least)
    unmasked, masked = np.full((2, n_users, k), -1, np.int32)
    unmasked[:, :wide] = item[begins[:-1, None] + np.arange(wide)]
    unseen = ~contains(seen_user * n_items + seen_item, user * n_items + item)
    # How many unseen items of the same user stand before.
    place = np.cumsum(unseen) - unseen
    place -= place[begins[:-1]][user]
    shown = unseen & (place < k)
    masked[user[shown], place[shown]] = item[shown]
    return masked, unmasked


def score_floor(scores: np.ndarray, c: int) -> np.ndarray:
    """A score of each row that at least `c` of its columns reach, and seldom many more; f32 (users,).

    It is the c-th best of the bests of many groups of columns.
    """
    n_users, n_items = scores.shape
    group = max(1, min(_GROUP, n_items // (2 * c)))
    n_groups = n_items // group
    best = scores[:, : n_groups * group].reshape(n_users, group, n_groups).max(axis=1)
    return np.partition(best, n_groups - c, axis=1)[:, n_groups - c]


def sort_above_floor(scores: np.ndarray, least: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows and columns of the scores that reach `least`: by row, best first, equal ones by the lower column.

    Returns:
        Rows, columns, and where each row begins (one more than there are rows); int64.
    """
    n_users, n_items = scores.shape
    user, item = np.divmod(np.flatnonzero(scores >= least[:, None]), n_items)
    item = item[np.lexsort((item, -scores[user, item], user))]
    return user, item, np.searchsorted(user, np.arange(n_users + 1))
