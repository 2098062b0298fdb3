"""The figures of an evaluation to a few tiles: a number, and what it says in plain words."""

from dataclasses import dataclass

from m6rec_cli.evaluation.measurement import display, leading_metrics, main_cutoff
from m6rec_cli.evaluation.report.labels import Labels
from m6rec_cli.evaluation.report.story import Story, best_baseline
from m6rec_cli.evaluation.report.summary import EvaluationSummary
from m6rec_cli.evaluation.report.verdict import is_clear

_WORDS = {1: "one", 3: "three", 5: "five", 10: "ten", 20: "twenty"}
_TOP = 0.1
"""The most popular items of a tile are this share of the catalogue."""


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A number and what it says; `metric` names its key in report.json."""

    metric: str
    figure: str
    text: str


def make_tiles(summary: EvaluationSummary, story: Story, labels: Labels) -> list[Tile]:
    """The tiles of the main system beside popularity, or else the best baseline."""
    tiles = [
        _found(summary, story, labels),
        _gain(summary, story, labels),
        _coverage(summary, story, labels),
        _popular(summary, story, labels),
    ]
    return [tile for tile in tiles if tile]


def reference(summary: EvaluationSummary, main: str) -> str | None:
    """The baseline that stands beside the main system's figures; None if there is no other."""
    names = [n for n, system in summary.systems.items() if system.kind == "baseline" and n != main]
    if "popularity" in names:
        return "popularity"
    best = best_baseline(summary)
    return best if best in names else None


def targets_in_words(summary: EvaluationSummary, story: Story) -> str:
    """What was held out: ``held-out `buy` events`` or `held-out events`."""
    return f"held-out `{story.target_kind}` events" if story.target_kind else "held-out events"


def _found(summary: EvaluationSummary, story: Story, labels: Labels) -> Tile | None:
    metric = f"recall@{main_cutoff(summary.ks)}"
    value = _figure(summary, story.main, metric)
    if value is None:
        return None
    targets = targets_in_words(summary, story)
    if summary.targets == summary.users:
        words = f"of the {targets} are among {_first(summary)} of `{labels[story.main].name}`"
    else:
        words = (
            f"of a user's {targets}, on average, are among {_first(summary)} of "
            f"`{labels[story.main].name}`"
        )
    return Tile(
        metric=metric, figure=f"{value:.1%}", text=words + _beside(summary, story, labels, metric)
    )


def _gain(summary: EvaluationSummary, story: Story, labels: Labels) -> Tile | None:
    """The main metric relative to the best baseline."""
    best, metric = best_baseline(summary), summary.main_metric
    value = _figure(summary, story.main, metric)
    other = None if best in (None, story.main) else _figure(summary, str(best), metric)
    if value is None or not other:
        return None
    k = main_cutoff(summary.ks)
    title = f"{display(leading_metrics()[0]).title}@{k}"
    return Tile(
        metric=metric,
        figure=f"{value / other - 1:+.0%}".replace("-", "−"),
        text=f"in {title}, which counts how high the right items stand, over the best baseline, "
        f"`{best}`: {value:.3f} against {other:.3f}{_doubt(summary, story.main, str(best))}",
    )


def _doubt(summary: EvaluationSummary, main: str, best: str) -> str:
    """What follows a gain that the paired test does not find clear."""
    names = {main, *(group.name for group in summary.seeds if main in group.runs)}
    tests = (
        pair.metrics.get(summary.main_metric)
        for pair in summary.comparisons
        if (pair.a in names and pair.b == best) or (pair.b in names and pair.a == best)
    )
    return "; it may be chance" if any(test and not is_clear(test) for test in tests) else ""


def _coverage(summary: EvaluationSummary, story: Story, labels: Labels) -> Tile | None:
    metric = f"coverage@{main_cutoff(summary.ks)}"
    value = _figure(summary, story.main, metric)
    if value is None:
        return None
    words = f"of the catalogue's {summary.items:,} items are among {_first(summary)} of some list"
    return Tile(
        metric=metric, figure=f"{value:.0%}", text=words + _beside(summary, story, labels, metric)
    )


def _popular(summary: EvaluationSummary, story: Story, labels: Labels) -> Tile | None:
    """How much of the lists goes to the most popular items."""
    exposure = story.exposure
    places, at = exposure.places[story.main], _at(exposure.catalogue)
    if places is None or exposure.events is None or at is None:
        return None
    return Tile(
        metric="exposure",
        figure=f"{places[at]:.0%}",
        text=f"of the places in lists go to the tenth of the items that is most popular, which has "
        f"{exposure.events[at]:.0%} of the training events",
    )


def _at(shares: list[float]) -> int | None:
    """Position of the share that is a tenth of the catalogue; None in a tiny one."""
    near = [i for i, share in enumerate(shares) if abs(share - _TOP) < 0.01]
    return near[0] if near else None


def _beside(summary: EvaluationSummary, story: Story, labels: Labels, metric: str) -> str:
    other = reference(summary, story.main)
    value = None if other is None else _figure(summary, other, metric)
    if other is None or value is None:
        return ""
    return f"; `{labels[other].name}`: {value:{'.0%' if metric.startswith('coverage') else '.1%'}}"


def _figure(summary: EvaluationSummary, system: str, metric: str) -> float | None:
    return summary.systems[system].view(summary.headline).get(metric)


def _first(summary: EvaluationSummary) -> str:
    k = main_cutoff(summary.ks)
    return f"the first {_WORDS.get(k, str(k))}"
