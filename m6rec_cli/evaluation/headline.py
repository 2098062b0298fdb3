"""The share of repeats to the headline: the view that the main figures are of."""

from m6rec_cli.data.manifest import FEW_REPEATS, hides_seen
from m6rec_cli.evaluation.results import ViewName
from m6rec_cli.evaluation.task import EvaluationTask
from m6rec_cli.system.progress import Reporter


def choose_headline(task: EvaluationTask, seen: str, report: Reporter) -> ViewName:
    """The view of the main figures: masked where `recommend` leaves out seen items."""
    repeats, repeated = task.data.manifest.repeats, float(task.repeated_mask.mean())
    if not hides_seen(seen, repeats):
        why = f"{repeats:.1%} of the held-out targets" if seen == "auto" else f"{repeated:.1%} here"
        report.note(
            f"the main figures are unmasked, since `recommend` keeps seen items: {why} are repeats"
        )
        return "unmasked"
    if repeated > FEW_REPEATS:
        report.warn(
            f"{repeated:.1%} of the targets are repeats of seen items, which count as misses where "
            "seen items are masked: compare the `unmasked` column"
        )
    return "masked"
