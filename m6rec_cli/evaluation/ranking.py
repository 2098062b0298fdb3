"""A scorer to a system result: ranks of all targets and the top of every list, over all items.

Queries are scored and ranked in tiles, so memory does not grow with queries times items.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from m6rec_cli.evaluation.baselines._base import Scorer
from m6rec_cli.evaluation.metrics._base import MISS, RankedLists, Ranks
from m6rec_cli.evaluation.rank_counting import count_ranked_above, count_seen_above, top_lists
from m6rec_cli.evaluation.results import SystemKind, SystemResult, View
from m6rec_cli.evaluation.task import EvaluationTask
from m6rec_cli.system import process_group, signals
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import Reporter, compiling

TILE_BYTES = 4 * 2**20
"""Scores of one tile: small enough to stay in the CPU cache while they are ranked."""
_MIN_TILE_USERS = 32


def evaluate_scorer(
    task: EvaluationTask,
    scorer: Scorer,
    k: int,
    report: Reporter,
    *,
    name: str,
    kind: SystemKind,
    tile_bytes: int | None = None,
) -> SystemResult:
    """Score every query; keep the ranks of its targets and its first `k` items.

    The processes of a group share the queries; each of them returns the whole result.

    Raises:
        M6RecError: The scorer returned NaN.
    """
    share = process_group.share_of(np.arange(task.n_queries))
    first, last = (int(share[0]), int(share[-1]) + 1) if len(share) else (0, 0)
    first_target, last_target = np.searchsorted(task.target_query, (first, last))
    # Index 0 is the masked view, 1 the unmasked one.
    ranks, ties = np.empty((2, 2, last_target - first_target), np.int64)
    lists = np.full((2, last - first, k), -1, np.int32)
    size = _tile_users(task.n_items, tile_bytes)
    tiles = [(start, min(start + size, last)) for start in range(first, last, size)]
    unit = "lists" if task.protocol == "rolling" else "users"
    compiles = compiling() if kind == "run" else ""
    with report.task(f"evaluating {name}", last - first, unit, compiles) as progress:
        for (start, end), scores in zip(tiles, _scores(scorer, tiles), strict=True):
            signals.check_stop()
            if np.isnan(scores.sum()):
                raise M6RecError(f"`{name}` returns NaN scores", hint="is the run damaged?")
            t0, t1 = np.searchsorted(task.target_query, (start, end))
            users, targets = slice(start - first, end - first), slice(t0, t1)
            seen_user, seen_item = task.masked_items(start, end)
            user, item = task.target_query[targets] - start, task.target_item[targets]
            above, tied = count_ranked_above(scores, user, item)
            seen_above, seen_tied = count_seen_above(scores, user, item, seen_user, seen_item)
            own = slice(t0 - first_target, t1 - first_target)
            is_masked = task.repeated_mask[targets]
            ranks[:, own] = np.where(is_masked, MISS, above - seen_above), above
            ties[:, own] = np.where(is_masked, 1, tied - seen_tied), tied
            lists[0, users], lists[1, users] = top_lists(scores, seen_user, seen_item, k)
            progress.advance(end - start)
    ranks, ties = (process_group.gather_rows(counts.T).T for counts in (ranks, ties))
    lists = process_group.gather_rows(lists.swapaxes(0, 1)).swapaxes(0, 1)
    masked, unmasked = (
        View(Ranks(rank, task.target_query, task.n_queries, tie), RankedLists(items))
        for rank, tie, items in zip(ranks, ties, lists, strict=True)
    )
    return SystemResult(name=name, kind=kind, masked=masked, unmasked=unmasked)


def _tile_users(n_items: int, tile_bytes: int | None) -> int:
    """Users per tile: a power of two, like the tiles of a model, so few shapes are compiled."""
    if tile_bytes is None:
        # For a large catalogue a tile exceeds the cache: more users share one pass over the items.
        tile_bytes = max(TILE_BYTES, min(_MIN_TILE_USERS * 4 * n_items, 16 * TILE_BYTES))
    return 1 << (max(1, tile_bytes // (4 * max(n_items, 1))).bit_length() - 1)


def _scores(scorer: Scorer, tiles: list[tuple[int, int]]) -> Iterator[np.ndarray]:
    """Scores of each tile of queries; a thread computes the next tile while this one is ranked."""
    with ThreadPoolExecutor(1) as thread:
        pending: list[Future[np.ndarray]] = []
        for start, end in tiles:
            pending.append(thread.submit(scorer.score, np.arange(start, end)))
            if len(pending) > 1:
                yield np.require(pending.pop(0).result(), requirements=("C", "W"))
        for future in pending:
            yield np.require(future.result(), requirements=("C", "W"))
