"""Lists of all systems to exposure: which share of their places goes to popular items."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from m6rec_cli.evaluation.results import SystemResult, ViewName
from m6rec_cli.evaluation.task import EvaluationTask

CATALOGUE_SHARES = (0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)
"""Shares of the catalogue, most popular items first, at which exposure is counted."""


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """Places in lists and events, summed over the most popular items.

    Attributes:
        k: Places of a list that count.
        catalogue: Shares of the catalogue, most popular items first, from 0 to 1.
        events: Share of the training events that these items have; None without events.
        places: The same for the places of each system's lists; None for empty lists.
        listed: Number of items in any list, by system.
    """

    k: int
    catalogue: list[float]
    events: list[float] | None
    places: dict[str, list[float] | None]
    listed: dict[str, int]


def measure_exposure(
    task: EvaluationTask, results: Mapping[str, SystemResult], view: ViewName, k: int
) -> Exposure:
    """Count the first `k` places of all lists by the popularity of their items."""
    popularity = task.data.items["popularity"].to_numpy().astype(np.int64)
    order = np.argsort(-popularity, kind="stable")
    at = np.round(np.array(CATALOGUE_SHARES) * task.n_items).astype(np.int64)
    counts = {}
    for name, result in results.items():
        top = result.view(view).lists.top(k)
        counts[name] = np.bincount(top[top >= 0], minlength=task.n_items)
    return Exposure(
        k=k,
        catalogue=(at / max(task.n_items, 1)).tolist(),
        events=_shares(popularity[order], at),
        places={name: _shares(count[order], at) for name, count in counts.items()},
        listed={name: int((count > 0).sum()) for name, count in counts.items()},
    )


def _shares(counts: np.ndarray, at: np.ndarray) -> list[float] | None:
    """Share of the total that the first `at` items have; None if the total is 0."""
    sums = np.concatenate([[0], np.cumsum(counts)])
    return None if sums[-1] == 0 else (sums[at] / sums[-1]).tolist()
