"""Two system results to a paired test: the differences per user, their interval and p-value."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from m6rec_cli.evaluation import statistics
from m6rec_cli.evaluation.measurement import leading_metrics, leading_values, mean
from m6rec_cli.evaluation.results import SystemResult, ViewName
from m6rec_cli.evaluation.seed_groups import SeedGroup
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
        p_adjusted: The same, adjusted for all tests of the evaluation, see `statistics.holm`.
        a_better: Users for whom the first system is better.
        b_better: Users for whom the second system is better.
    """

    a: float | None
    b: float | None
    difference: float | None
    interval: list[float] | None
    p_value: float
    p_adjusted: float
    a_better: int
    b_better: int


@dataclass(frozen=True)
class NamedTests:
    """The paired tests that the command line asks for, by names of systems.

    Attributes:
        pairs: Two systems each.
        against: A system that all others are tested against.
    """

    pairs: Sequence[tuple[str, str]] = ()
    against: str | None = None


@dataclass(frozen=True)
class Competitor:
    """A side of a paired test: a system, or runs that differ in their seed alone."""

    name: str
    results: Sequence[SystemResult]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Paired tests of the systems named `a` and `b`, by metric."""

    a: str
    b: str
    metrics: dict[str, PairedTest]


def compare(
    task: EvaluationTask,
    a: Competitor,
    b: Competitor,
    k: int,
    view: ViewName,
    *,
    resamples: int,
    seed: int,
) -> Comparison:
    """Test the leading metrics of two competitors at cut-off `k`."""
    values_a, values_b = (mean_leading_values(x.results, task, k, view) for x in (a, b))
    tests = {
        name: _paired_test(name, values_a[name], values_b[name], resamples, seed)
        for name in values_a
    }
    return Comparison(a=a.name, b=b.name, metrics=tests)


def mean_leading_values(
    results: Sequence[SystemResult], task: EvaluationTask, k: int, view: ViewName
) -> dict[str, np.ndarray]:
    """The leading metrics of each user, as means over the results."""
    values = [leading_values(result.view(view).ranks, task, k) for result in results]
    return {name: np.mean([v[name] for v in values], axis=0) for name in values[0]}


def adjust_for_all(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The same comparisons with p-values that are adjusted for the number of tests."""
    adjusted = iter(
        statistics.holm([test.p_value for c in comparisons for test in c.metrics.values()])
    )
    return [
        replace(
            pair,
            metrics={
                name: replace(test, p_adjusted=next(adjusted))
                for name, test in pair.metrics.items()
            },
        )
        for pair in comparisons
    ]


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


def choose_competitors(
    task: EvaluationTask,
    results: dict[str, SystemResult],
    named: NamedTests,
    groups: Sequence[SeedGroup],
    headline: ViewName,
    k: int,
) -> list[tuple[Competitor, Competitor]]:
    """The sides of each paired test: the named ones, or everything against the best baseline.

    Runs that differ in their seed alone are one side, the mean over seeds of each user, unless a
    pair names one of them.
    """
    alone = {name: Competitor(name, [result]) for name, result in results.items()}
    together = alone | {
        run: Competitor(group.name, [results[r] for r in group.runs])
        for group in groups
        for run in group.runs
    }
    found = [(alone[a], alone[b]) for a, b in named.pairs]
    if named.against is not None:
        found += [(together[name], together[named.against]) for name in results]
    if not named.pairs and named.against is None:
        best = pairs_with_best_baseline(task, results, headline, k)
        found += [(together[a], alone[b]) for a, b in best]
    distinct = {(a.name, b.name): (a, b) for a, b in found}
    return [(a, b) for (a_name, b_name), (a, b) in distinct.items() if a_name != b_name]


def _paired_test(name: str, a: np.ndarray, b: np.ndarray, resamples: int, seed: int) -> PairedTest:
    difference = a - b
    p_value = statistics.sign_flip(difference, flips=max(resamples, MIN_FLIPS), seed=seed)
    interval = statistics.intervals({name: difference}, resamples=resamples, seed=seed)
    return PairedTest(
        a=mean(a),
        b=mean(b),
        difference=mean(difference),
        interval=interval.get(name),
        p_value=p_value,
        p_adjusted=p_value,
        a_better=int(np.sum(difference > 0)),
        b_better=int(np.sum(difference < 0)),
    )
