"""The manifest, the story and the summary of an evaluation to the words of the page."""

from collections.abc import Sequence

from m6rec_cli.data.manifest import DataManifest
from m6rec_cli.evaluation.baselines._base import BASELINES
from m6rec_cli.evaluation.measurement import display, ordered_metrics
from m6rec_cli.evaluation.report.exposure import Exposure
from m6rec_cli.evaluation.report.labels import Labels
from m6rec_cli.evaluation.report.plots import curve_name
from m6rec_cli.evaluation.report.story import Story
from m6rec_cli.evaluation.report.summary import EvaluationSummary
from m6rec_cli.evaluation.report.training_curves import TrainingCurve
from m6rec_cli.system.shown_text import capitalised, duration

_EXAMPLES = 3
Text = str | int

_GLOSSARY = (
    (
        "held-out event",
        "an event that no system has seen: lists are made from what came before it, and are good "
        "if they hold its item, the target",
    ),
    (
        "masked, unmasked",
        "masked lists leave out the items that a user has seen; unmasked lists leave out nothing",
    ),
    (
        "95% interval",
        "the range in which the figure would lie for other users of the same kind, by drawing "
        "the users again (bootstrap)",
    ),
    (
        "p",
        "how often chance alone would make a difference as large as this one; below .05 counts as "
        "clear",
    ),
    (
        "head, middle, tail, cold",
        "most popular items first: each of the first three has a third of the training events; "
        "cold items have none",
    ),
    ("seen, unseen step", "whether training has the step from the last item to the target"),
    ("baseline", "a simple system without training, which a model has to beat"),
)


def data_rows(manifest: DataManifest, summary: EvaluationSummary) -> list[tuple[Text, ...]]:
    """Counts of the data directory: what, how many, and what is to be known of it."""
    counts, split = manifest.counts, manifest.split
    held_out = {name: n for name, n in counts.events.items() if name != "train" and n}
    labelled = "every event is labelled" if manifest.positive is None else manifest.positive
    rows: list[tuple[Text, ...]] = [
        ("users", counts.users, f"{summary.users:,} evaluated"),
        ("items", counts.items, "all of them are ranked"),
        ("training events", counts.events["train"], ", ".join(manifest.event_kinds)),
        *(
            (f"{name} events", n, f"{counts.targets[name]:,} labelled; split {split}")
            for name, n in held_out.items()
        ),
        ("targets", summary.targets, f"distinct labelled items per list; {labelled}"),
    ]
    if manifest.has_time:
        rows.append(("events at the same time", manifest.ties, "as another event of their user"))
    else:
        rows.append(("events without a time", sum(counts.events.values()), "ordered by the file"))
    return rows


def cleaning_rows(manifest: DataManifest) -> list[tuple[Text, ...]]:
    """The cleaning rules that found something: rows dropped, cells changed, first examples."""
    return [
        (
            rule.rule,
            rule.dropped if rule.dropped is not None else "–",
            rule.changed if rule.changed is not None else "–",
            ", ".join(rule.examples[:_EXAMPLES]) or "–",
        )
        for rule in manifest.cleaning
        if rule.dropped or rule.changed
    ]


def curve_rows(curves: Sequence[TrainingCurve], labels: Labels) -> list[tuple[Text, ...]]:
    """The runs and their parents: epochs, best epoch, stage and time."""
    return [
        (
            curve_name(curve, labels),
            max(curve.epochs, default=0),
            curve.best_epoch,
            curve.stage,
            duration(curve.seconds),
        )
        for curve in curves
    ]


def listed_rows(exposure: Exposure, labels: Labels, n_items: int) -> list[tuple[Text, ...]]:
    """How many items each system lists for anybody."""
    return [
        (labels[name].name, listed, f"{listed / max(n_items, 1):.0%}")
        for name, listed in exposure.listed.items()
    ]


def glossary(summary: EvaluationSummary) -> list[tuple[str, str]]:
    """Words and their meanings: general ones, the metrics, the evaluated baselines."""
    found = list(_GLOSSARY)
    for name in ordered_metrics():
        shown = display(name)
        same = name.casefold() == shown.title.casefold()
        title = capitalised(shown.title) + ("" if same else f" ({name})")
        found.append((title, shown.meaning))
    for name, system in summary.systems.items():
        if system.kind == "baseline":
            ranks_by = BASELINES.load_option(name).RANKS_BY
            found.append((f"{name} (baseline)", f"ranks items by {ranks_by}"))
    return found


def contents(summary: EvaluationSummary, story: Story) -> list[tuple[str, str]]:
    """Anchor and title of each section that the page has."""
    has_runs = any(system.kind == "run" for system in summary.systems.values())
    sections = [
        ("systems", "Systems", True),
        ("data", "The data", True),
        ("training", "Training", has_runs),
        ("slices", "Where it is good", True),
        ("exposure", "Popular and rare items", True),
        ("users", f"{len(story.users)} users", bool(story.users)),
        ("map", "A map of the items", story.item_map is not None),
        ("why1", "Reasons", bool(summary.explanations)),
        ("words", "Words", True),
        ("figures", "All figures", True),
    ]
    return [(anchor, title) for anchor, title, is_there in sections if is_there]
