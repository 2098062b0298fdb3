"""The summary and the story of an evaluation to one HTML page that needs no other file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from m6rec_cli.data.manifest import DataManifest
from m6rec_cli.evaluation.measurement import display, leading_metrics, main_cutoff
from m6rec_cli.evaluation.report import cells, plots, texts, tiles
from m6rec_cli.evaluation.report.labels import Label, colours, label_systems
from m6rec_cli.evaluation.report.story import Story
from m6rec_cli.evaluation.report.summary import EvaluationSummary
from m6rec_cli.evaluation.statistics import MIN_USERS

_TEMPLATES = Path(__file__).parent / "templates"
_GROUP_COLOURS = (
    *("#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#9c755f", "#d4a514", "#57aaa5"),
    *("#d37295", "#86bc25", "#7b5ea7", "#2f8f8f"),
    *("#8b93a0", "#b5bcc7"),
)
"""Of the map, none of them a system's; the last two are for what has no group of its own."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """When, by which command and by which versions the page was made."""

    created: str | None = None
    command: str | None = None
    versions: Mapping[str, str]


def render_page(
    summary: EvaluationSummary,
    story: Story,
    *,
    config: Mapping[str, object],
    manifest: DataManifest,
    made: Made,
) -> str:
    """The page as text.

    Args:
        config: The settings `evaluate.*`.
        manifest: The manifest of the data directory.
    """
    labels = label_systems(list(summary.systems))
    colour_of = zip(labels.values(), colours(len(labels)), strict=True)
    classes = [(label.css, *pair) for label, pair in colour_of]
    classes += [(f"c{i}", colour, colour) for i, colour in enumerate(_group_colours(story))]
    leading = f"{display(leading_metrics()[0]).title}@{main_cutoff(summary.ks)}"
    runs = [name for name, system in summary.systems.items() if system.kind == "run"]
    columns = [*cells.columns(summary), f"{summary.main_metric} {summary.other_view}"]
    cleaning = texts.cleaning_rows(manifest)
    context = {
        "summary": summary,
        "story": story,
        "k": main_cutoff(summary.ks),
        "main": labels[story.main],
        "main_title": leading,
        "targets": tiles.targets_in_words(summary, story),
        "colours": classes,
        "labels": list(labels.values()),
        "tiles": tiles.make_tiles(summary, story, labels),
        "min_users": MIN_USERS,
        "main_header": ["system", *columns],
        "main_rows": cells.main_rows(summary, labels),
        "system_charts": plots.plot_systems(summary, labels),
        "paired_rows": cells.paired_rows(summary, labels),
        "n_tests": sum(len(pair.metrics) for pair in summary.comparisons),
        "seed_header": ["runs", *columns],
        "seed_rows": cells.seed_rows(summary),
        "cutoff_charts": plots.plot_cutoffs(summary, labels),
        "data_rows": texts.data_rows(manifest, summary),
        "cleaning_rows": cleaning,
        "n_dropped": sum(rule.dropped or 0 for rule in manifest.cleaning),
        "n_changed": sum(rule.changed or 0 for rule in manifest.cleaning),
        "n_clean": len(manifest.cleaning) - len(cleaning),
        "has_runs": bool(runs),
        "training_charts": plots.plot_training(story.curves, labels),
        "curve_labels": [labels[name] for name in runs],
        "curve_rows": texts.curve_rows(story.curves, labels),
        "has_parents": any(curve.parent for curve in story.curves),
        "unread_runs": [n for n in runs if n not in {c.run for c in story.curves}],
        "slice_charts": plots.plot_slices(summary, labels),
        "undivided": plots.undivided(summary),
        "exposure_charts": plots.plot_exposure(story.exposure, labels),
        "events_label": plots.EVENTS,
        "listed_rows": texts.listed_rows(story.exposure, labels, summary.items),
        "map_label": labels[story.item_map.run] if story.item_map else None,
        "glossary": texts.glossary(summary),
        "all_header": ["metric", *(label.name for label in labels.values())],
        "headline_rows": cells.all_rows(summary, summary.headline),
        "other_rows": cells.all_rows(summary, summary.other_view),
        "contents": texts.contents(summary, story),
        "details": {
            "Configuration": _json(config),
            "The data's manifest": _json(manifest.to_json()),
            "Full names of the systems": _full_names(list(labels.values())),
        },
        "made": made,
    }
    return _environment().get_template("page.html.jinja").render(context)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["code"] = _code
    return environment


def _code(text: str) -> Markup:
    """Escaped text, in which what stands between backticks is code."""
    parts = str(escape(text)).split("`")
    if len(parts) % 2 == 0:  # a backtick of a name: nothing is paired
        return Markup(escape(text))
    marked = [f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts)]
    return Markup("".join(marked))


def _group_colours(story: Story) -> Sequence[str]:
    if story.item_map is None:
        return ()
    groups = story.item_map.groups
    rest = [name for name in groups if name in ("other", "no value")]
    return (*_GROUP_COLOURS[: len(groups) - len(rest)], *_GROUP_COLOURS[-2:][: len(rest)])


def _full_names(labels: Sequence[Label]) -> str:
    return "\n".join(f"{label.name}: {label.full}" for label in labels)


def _json(tree: Mapping[str, object]) -> str:
    return json.dumps(tree, indent=2, ensure_ascii=False)
