"""System results to the summary of an evaluation: means, intervals and slices, as typed values."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import numpy as np

from m6rec_cli.evaluation import statistics
from m6rec_cli.evaluation.catalogue_facts import MeasuredOver
from m6rec_cli.evaluation.comparison import Comparison, mean_leading_values
from m6rec_cli.evaluation.measurement import (
    compute_metrics,
    leading_metrics,
    leading_values,
    main_cutoff,
)
from m6rec_cli.evaluation.metrics._base import CatalogueFacts
from m6rec_cli.evaluation.report.seed_spread import SeedSummary, spread
from m6rec_cli.evaluation.results import VIEWS, SystemKind, SystemResult, ViewName
from m6rec_cli.evaluation.sample_explanations import SampleUser
from m6rec_cli.evaluation.seed_groups import SeedGroup
from m6rec_cli.evaluation.slices import Slices
from m6rec_cli.evaluation.task import EvaluationTask
from m6rec_cli.system.progress import Summary


@dataclass(frozen=True, kw_only=True)
class SliceSummary:
    """Leading metrics of one system on one slice, in the view of the headline.

    Attributes:
        users: Users with a target in the slice.
        targets: Targets of the slice.
        metrics: Means by names such as `ndcg@10`.
        intervals: `[low, high]` by metric.
    """

    users: int
    targets: int
    metrics: dict[str, float]
    intervals: dict[str, list[float]]

    def to_json(self) -> dict[str, object]:
        """The slice's object in report.json, with the metrics as keys of their own."""
        counts = {"users": self.users, "targets": self.targets}
        return {**counts, **self.metrics, "intervals": self.intervals}


@dataclass(frozen=True, kw_only=True)
class SystemSummary:
    """All figures of one system.

    Attributes:
        masked: Means by names such as `ndcg@10`, seen items masked as `recommend` leaves them out,
            so that a target that the user has seen is a miss; None if undefined.
        unmasked: The same with all items competing.
        intervals: `[low, high]` of the means of the headline.
        slices: By group and slice.
    """

    kind: SystemKind
    masked: dict[str, float | None]
    unmasked: dict[str, float | None]
    intervals: dict[str, list[float]]
    slices: dict[str, dict[str, SliceSummary]]

    def view(self, name: ViewName) -> dict[str, float | None]:
        """The means of a view."""
        return self.masked if name == "masked" else self.unmasked

    def to_json(self) -> dict[str, object]:
        """The system's object in report.json."""
        slices = {
            group: {name: part.to_json() for name, part in parts.items()}
            for group, parts in self.slices.items()
        }
        return {**asdict(self), "slices": slices}


@dataclass(frozen=True, kw_only=True)
class EvaluationSummary:
    """All figures of an evaluation.

    Attributes:
        data: Path of the data directory.
        users: Evaluated users.
        protocol: `all` or `rolling`, see `EvaluationTask`.
        queries: Ranked lists of each system: one per user, or with `rolling` one per target.
        targets: Targets of these users.
        items: Ranked items: the whole catalogue.
        repeated_targets: Share of targets that their user has seen before.
        headline: The view of intervals, slices, comparisons and best marks.
        ks: Cut-offs.
        measured_over: Item data of diversity and calibration.
        systems: By name.
        seeds: Groups of runs that differ in their seed alone.
        verdicts: The comparisons in words, in the same order.
        explanations: Explained lists of sample users, by run.
    """

    data: str
    split: str
    protocol: str
    users: int
    queries: int
    targets: int
    items: int
    repeated_targets: float
    headline: ViewName
    ks: list[int]
    measured_over: MeasuredOver
    systems: dict[str, SystemSummary]
    comparisons: list[Comparison]
    seeds: list[SeedSummary] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)
    explanations: dict[str, list[SampleUser]] = field(default_factory=dict)

    @property
    def other_view(self) -> ViewName:
        """The view that is not the headline's."""
        return "unmasked" if self.headline == "masked" else "masked"

    @property
    def main_metric(self) -> str:
        """The metric and the cut-off that lead, such as `ndcg@10`."""
        return f"{leading_metrics()[0]}@{main_cutoff(self.ks)}"

    def to_json(self) -> Summary:
        """The JSON object on stdout; `seeds` and `explanations` only if there are some."""
        whole = {
            **asdict(self),
            "systems": {name: system.to_json() for name, system in self.systems.items()},
        }
        for name in ("seeds", "explanations"):
            if not whole[name]:
                del whole[name]
        return whole


def summarise_system(
    result: SystemResult,
    task: EvaluationTask,
    catalogue: CatalogueFacts,
    slices: Slices,
    ks: list[int],
    headline: ViewName,
    *,
    resamples: int,
    seed: int,
) -> SystemSummary:
    """Compute means, bootstrap intervals and slices of one system."""
    measured = {view: compute_metrics(result.view(view), task, catalogue, ks) for view in VIEWS}
    k = main_cutoff(ks)
    columns = dict(measured[headline].columns)
    ranks = result.view(headline).ranks
    for group, parts in slices.items():
        for part, mask in parts.items():
            # Columns of all users share the resamples of the means.
            for name, values in leading_values(ranks, task, k, mask).items():
                columns[f"{group}/{part}/{name}"] = values
    intervals = statistics.intervals(columns, resamples=resamples, seed=seed)
    return SystemSummary(
        kind=result.kind,
        masked=measured["masked"].means(),
        unmasked=measured["unmasked"].means(),
        intervals={
            name: intervals[name] for name in measured[headline].columns if name in intervals
        },
        slices={
            group: {
                part: _summarise_slice(task, mask, f"{group}/{part}/", columns, intervals)
                for part, mask in parts.items()
            }
            for group, parts in slices.items()
        },
    )


def summarise_seeds(
    group: SeedGroup,
    task: EvaluationTask,
    results: Mapping[str, SystemResult],
    systems: Mapping[str, SystemSummary],
    k: int,
    headline: ViewName,
    *,
    resamples: int,
    seed: int,
) -> SeedSummary:
    """Spread over seeds of all metrics, and intervals over users of the leading ones at `k`."""
    columns = mean_leading_values([results[run] for run in group.runs], task, k, headline)
    return SeedSummary(
        name=group.name,
        runs=group.runs,
        seeds=group.seeds,
        masked=spread([systems[run].masked for run in group.runs]),
        unmasked=spread([systems[run].unmasked for run in group.runs]),
        intervals=statistics.intervals(columns, resamples=resamples, seed=seed),
    )


def _summarise_slice(
    task: EvaluationTask,
    mask: np.ndarray,
    prefix: str,
    columns: dict[str, np.ndarray],
    intervals: dict[str, list[float]],
) -> SliceSummary:
    means = {
        name.removeprefix(prefix): float(np.nanmean(values))
        for name, values in columns.items()
        if name.startswith(prefix)
    }
    return SliceSummary(
        users=len(np.unique(task.query_user[task.target_query[mask]])),
        targets=int(mask.sum()),
        metrics=means,
        intervals={name: intervals[prefix + name] for name in means if prefix + name in intervals},
    )
