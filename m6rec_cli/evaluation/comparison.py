"""Two system results to a paired test: the differences per user, their interval and p-value."""

from dataclasses import dataclass

import numpy as np

from m6rec_cli.evaluation import statistics
from m6rec_cli.evaluation.measurement import leading_metrics, leading_values, mean
from m6rec_cli.evaluation.results import SystemResult, ViewName
from m6rec_cli.evaluation.task import EvaluationTask

MIN_FLIPS = 1000


@dataclass(frozen=True, kw_only=True)
class PairedTest:
    """Two systems' values of one metric on the same users.

    Attributes:
        a: Mean of the first system.
        b: Mean of the second system.
        difference: Mean of a minus b.
        interval: Bootstrap interval of the difference; None without resamples.
        p_value: Of the sign-flip test.
        a_better: Users for whom the first system is better.
        b_better: Users for whom the second system is better.
    """

    a: float | None
    b: float | None
    difference: float | None
    interval: list[float] | None
    p_value: float
    a_better: int
    b_better: int


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Paired tests of the systems named `a` and `b`, by metric."""

    a: str
    b: str
    metrics: dict[str, PairedTest]


def compare(
    task: EvaluationTask,
    a: SystemResult,
    b: SystemResult,
    k: int,
    view: ViewName,
    *,
    resamples: int,
    seed: int,
) -> Comparison:
    """Test the leading metrics of two systems at cut-off `k`."""
    values_a, values_b = (leading_values(x.view(view).ranks, task, k) for x in (a, b))
    tests = {
        name: _paired_test(name, values_a[name], values_b[name], resamples, seed)
        for name in values_a
    }
    return Comparison(a=a.name, b=b.name, metrics=tests)


def pairs_with_best_baseline(
    task: EvaluationTask, results: dict[str, SystemResult], view: ViewName, k: int
) -> list[tuple[str, str]]:
    """Each system that is no baseline, and the baseline with the highest main metric."""
    main = f"{leading_metrics()[0]}@{k}"
    figures = {
        name: mean(leading_values(result.view(view).ranks, task, k)[main]) or 0.0
        for name, result in results.items()
        if result.kind == "baseline"
    }
    if not figures:
        return []
    best = max(figures, key=lambda name: figures[name])
    return [(name, best) for name, result in results.items() if result.kind != "baseline"]


def _paired_test(name: str, a: np.ndarray, b: np.ndarray, resamples: int, seed: int) -> PairedTest:
    difference = a - b
    interval = statistics.intervals({name: difference}, resamples=resamples, seed=seed)
    return PairedTest(
        a=mean(a),
        b=mean(b),
        difference=mean(difference),
        interval=interval.get(name),
        p_value=statistics.sign_flip(difference, flips=max(resamples, MIN_FLIPS), seed=seed),
        a_better=int(np.sum(difference > 0)),
        b_better=int(np.sum(difference < 0)),
    )
