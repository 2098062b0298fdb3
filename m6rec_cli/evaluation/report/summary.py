"""A judged system to its part of the summary: figures, intervals and slices as plain JSON."""

from typing import Any

import numpy as np

from m6rec_cli.evaluation import bootstrap
from m6rec_cli.evaluation.measurement import measure, primary, primary_k
from m6rec_cli.evaluation.metrics._base import Catalogue
from m6rec_cli.evaluation.ranking import SystemResult
from m6rec_cli.evaluation.task import EvaluationTask

Slices = dict[str, dict[str, np.ndarray]]


def summarise(
    judged: SystemResult,
    task: EvaluationTask,
    catalogue: Catalogue,
    slices: Slices,
    ks: list[int],
    *,
    resamples: int,
    seed: int,
) -> dict[str, Any]:
    """Everything that the report says of one system.

    `intervals` and `slices` are those of the masked view. A slice has its users and true items, NDCG and
    recall at the primary cut-off, and their intervals.
    """
    masked = measure(judged.masked, catalogue, ks)
    unmasked = measure(judged.unmasked, catalogue, ks)
    k = primary_k(ks)
    columns = dict(masked.columns)
    for group, parts in slices.items():
        for part, mask in parts.items():
            users = np.unique(task.truth_user[mask])
            for name, values in primary(judged.masked.ranks.keep(mask), k).items():
                # At full length, so that slices share the resamples of the whole.
                columns[f"{group}/{part}/{name}"] = np.full(task.n_users, np.nan)
                columns[f"{group}/{part}/{name}"][users] = values
    intervals = bootstrap.intervals(columns, resamples=resamples, seed=seed)
    return {
        "kind": judged.kind,
        "masked": masked.means(),
        "unmasked": unmasked.means(),
        "intervals": {name: intervals[name] for name in masked.columns if name in intervals},
        "slices": {
            group: {
                part: _slice(task, mask, f"{group}/{part}/", columns, intervals)
                for part, mask in parts.items()
            }
            for group, parts in slices.items()
        },
    }


def _slice(
    task: EvaluationTask,
    mask: np.ndarray,
    prefix: str,
    columns: dict[str, np.ndarray],
    intervals: dict[str, list[float]],
) -> dict[str, Any]:
    figures = {
        name.removeprefix(prefix): float(np.nanmean(values))
        for name, values in columns.items()
        if name.startswith(prefix)
    }
    return {
        "users": len(np.unique(task.truth_user[mask])),
        "truths": int(mask.sum()),
        **figures,
        "intervals": {
            name: intervals[prefix + name] for name in figures if prefix + name in intervals
        },
    }
