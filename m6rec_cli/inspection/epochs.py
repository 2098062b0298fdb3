"""Runs to the lines of their `metrics.jsonl`, one row an epoch."""

from collections.abc import Sequence

from m6rec_cli.inspection.description import Description
from m6rec_cli.inspection.json_files import objects
from m6rec_cli.inspection.run_comparison import SEED, configuration_of


def epoch_rows(runs: Sequence[Description]) -> list[dict[str, object]]:
    """The epochs of some runs: `run`, `seed` and `stage`, then the keys of the line."""
    rows: list[dict[str, object]] = []
    for run in runs:
        facts = {
            "run": run.path,
            "seed": configuration_of(run).get(SEED),
            "stage": run.details["stage"],
        }
        rows += [facts | epoch for epoch in objects(run.details, "epochs")]
    return rows
