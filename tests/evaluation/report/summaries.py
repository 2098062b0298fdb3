"""Summaries of made-up evaluations."""

from m6rec_cli.evaluation.catalogue_facts import MeasuredOver
from m6rec_cli.evaluation.measurement import ordered_metrics
from m6rec_cli.evaluation.report.summary import EvaluationSummary, SliceSummary, SystemSummary


def system(value, kind="baseline"):
    """A system whose metrics are all `value`."""
    means = {f"{name}@{k}": value for name in ordered_metrics() for k in (5, 10)}
    leading = {"ndcg@10": 0.5, "recall@10": 0.5}
    part = SliceSummary(users=3, targets=3, metrics=leading, intervals={"ndcg@10": [0.4, 0.6]})
    return SystemSummary(
        kind=kind,
        masked=means,
        unmasked=means,
        intervals={"ndcg@10": [0.125, 0.25]},
        slices={"users": {"warm": part}},
    )


def summary(systems, **fields):
    """A summary with these systems."""
    return EvaluationSummary(
        **{
            "data": "data",
            "split": "test",
            "protocol": "all",
            "users": 1234,
            "queries": 1234,
            "targets": 5678,
            "items": 9012,
            "repeated_targets": 0.0,
            "headline": "masked",
            "ks": [5, 10],
            "measured_over": MeasuredOver("tags", "topic"),
            "systems": systems,
            "comparisons": [],
            **fields,
        }
    )
