"""Summaries of made-up evaluations."""

from m6rec_cli.data.manifest import Counts, DataManifest
from m6rec_cli.evaluation.catalogue_facts import MeasuredOver
from m6rec_cli.evaluation.measurement import ordered_metrics
from m6rec_cli.evaluation.report.exposure import Exposure
from m6rec_cli.evaluation.report.story import Story
from m6rec_cli.evaluation.report.summary import EvaluationSummary, SliceSummary, SystemSummary


def system(value, kind="recs"):
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


def story(systems, **fields):
    """A story of these systems without runs: the lists of all hold the same items."""
    shares = [0.0, 0.4, 1.0]
    exposure = Exposure(
        k=10,
        catalogue=[0.0, 0.1, 1.0],
        events=[0.0, 0.25, 1.0],
        places=dict.fromkeys(systems, shares),
        listed=dict.fromkeys(systems, 3),
    )
    main = next(iter(systems))
    whole = {"main": main, "target_kind": None, "exposure": exposure, "curves": [], "users": []}
    return Story(**whole | fields)


def manifest(**fields):
    """The manifest of a small data directory."""
    whole = {
        "schema": {},
        "counts": Counts(users=9, items=8, events={"train": 70, "test": 9}, targets={"test": 9}),
        "cleaning": [],
        "split": "leave-one-out",
        "positive": None,
        "event_kinds": ("view",),
        "has_time": True,
        "ties": 0,
        "repeats": 0.0,
        "inputs": [],
        "config": {},
        "fingerprints": ("a1",),
        "files": {},
    }
    return DataManifest(**whole | fields)
