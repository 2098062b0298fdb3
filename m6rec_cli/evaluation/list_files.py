"""A file of ranked lists to a system result, as if the system had been scored here."""

from pathlib import Path

import numpy as np

from m6rec_cli.data.spans import contains
from m6rec_cli.evaluation.list_table import read_list_entries
from m6rec_cli.evaluation.metrics._base import MISS, RankedLists, Ranks
from m6rec_cli.evaluation.results import SystemResult, View
from m6rec_cli.evaluation.task import EvaluationTask
from m6rec_cli.system.progress import Reporter


def evaluate_list_file(
    task: EvaluationTask, file: Path, ks: list[int], report: Reporter, *, name: str
) -> SystemResult:
    """Evaluate the lists of a file; warn of seen items, missing users and short lists.

    Users without a list count as misses. An item outside the catalogue keeps its rank as a miss.
    The masked view removes seen items from the lists, the unmasked view takes them as they are.

    Raises:
        M6RecError: See `read_list_entries`.
    """
    entries = read_list_entries(task, file, report)
    keys = entries.user * task.n_items + entries.item
    query, item = task.masked_items(0, task.n_queries)
    is_seen = (entries.item >= 0) & contains(query * task.n_items + item, keys)
    if is_seen.any():
        report.warn(
            f"{file}: {int(is_seen.sum()):,} of {len(is_seen):,} listed items are seen items of "
            "their users; `masked` evaluates the lists without them"
        )
    # Seen items above each entry: the running count minus that of earlier users.
    running = np.cumsum(is_seen) - is_seen
    first_of_user = np.searchsorted(entries.user, entries.user)
    above = running - running[first_of_user] if len(running) else running
    kept, length = ~is_seen, max(ks)
    masked = _view(
        task, entries.user[kept], entries.item[kept], (entries.rank - above)[kept], length
    )
    unmasked = _view(task, entries.user, entries.item, entries.rank, length)
    _warn_short(task, file, masked.lists, length, report)
    return SystemResult(name=name, kind="recs", masked=masked, unmasked=unmasked)


def _view(
    task: EvaluationTask, user: np.ndarray, item: np.ndarray, rank: np.ndarray, length: int
) -> View:
    """Ranks of the targets and the first `length` items of each list."""
    target_rank = np.full(len(task.target_item), MISS)
    keys = user * task.n_items + item
    is_hit = (item >= 0) & contains(task.target_keys, keys)
    target_rank[np.searchsorted(task.target_keys, keys[is_hit])] = rank[is_hit]
    lists = np.full((task.n_users, length), -1, np.int32)
    is_top = rank < length
    lists[user[is_top], rank[is_top]] = item[is_top]
    return View(Ranks(target_rank, task.target_query, task.n_users), RankedLists(lists))


def _warn_short(
    task: EvaluationTask, file: Path, lists: RankedLists, length: int, report: Reporter
) -> None:
    has_list = (lists.items >= 0).any(axis=1)
    if n_without := task.n_users - int(has_list.sum()):
        report.warn(
            f"{file}: {n_without:,} of {task.n_users:,} evaluated users have no list; they count "
            "as misses"
        )
    if n_short := int((has_list & (lists.items[:, length - 1] < 0)).sum()):
        report.warn(
            f"{file}: {n_short:,} lists have fewer than {length} unseen items; unlisted targets "
            "count as misses"
        )
