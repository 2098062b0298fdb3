"""Results of all systems to the summary of an evaluation, with its paired tests."""

from collections.abc import Sequence
from pathlib import Path

from m6rec_cli.config.settings import Config
from m6rec_cli.evaluation.catalogue_facts import build_catalogue_facts
from m6rec_cli.evaluation.comparison import (
    NamedTests,
    adjust_for_all,
    choose_competitors,
    compare,
)
from m6rec_cli.evaluation.measurement import main_cutoff
from m6rec_cli.evaluation.report.summary import (
    EvaluationSummary,
    summarise_seeds,
    summarise_system,
)
from m6rec_cli.evaluation.results import SystemResult, ViewName
from m6rec_cli.evaluation.seed_groups import SeedGroup
from m6rec_cli.evaluation.slices import build_slices
from m6rec_cli.evaluation.task import EvaluationTask


def build_summary(
    data: Path,
    task: EvaluationTask,
    results: dict[str, SystemResult],
    named: NamedTests,
    groups: Sequence[SeedGroup],
    headline: ViewName,
    config: Config,
) -> EvaluationSummary:
    """Compute the metrics of all systems and the paired tests."""
    settings = config.evaluate
    ks, resamples, seed = settings.ks, settings.bootstrap, settings.seed
    catalogue, measured_over = build_catalogue_facts(task)
    slices = build_slices(task)
    systems = {
        name: summarise_system(
            result, task, catalogue, slices, ks, headline, resamples=resamples, seed=seed
        )
        for name, result in results.items()
    }
    return EvaluationSummary(
        data=str(data),
        split=settings.split,
        protocol=settings.protocol,
        users=task.n_users,
        queries=task.n_queries,
        targets=len(task.target_item),
        items=task.n_items,
        repeated_targets=float(task.repeated_mask.mean()),
        headline=headline,
        ks=ks,
        measured_over=measured_over,
        systems=systems,
        comparisons=adjust_for_all(
            [
                compare(task, a, b, main_cutoff(ks), headline, resamples=resamples, seed=seed)
                for a, b in choose_competitors(
                    task, results, named, groups, headline, main_cutoff(ks)
                )
            ]
        ),
        seeds=[
            summarise_seeds(
                group,
                task,
                results,
                systems,
                main_cutoff(ks),
                headline,
                resamples=resamples,
                seed=seed,
            )
            for group in groups
        ],
    )
