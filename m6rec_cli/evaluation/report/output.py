"""An evaluation to its files: report.json for programs, report.html for people, config.toml."""

import dataclasses
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from m6rec_cli import __version__
from m6rec_cli.config.settings import Config
from m6rec_cli.config.toml_text import to_toml
from m6rec_cli.data.store import Dataset
from m6rec_cli.evaluation.report.story import Story
from m6rec_cli.evaluation.report.summary import EvaluationSummary
from m6rec_cli.system import provenance
from m6rec_cli.system.directories import atomic_directory, atomic_file, write_json
from m6rec_cli.system.progress import Reporter

_LIBRARIES = ("numpy", "scipy", "polars", "jax")


def write_report(
    out: Path,
    config: Config,
    dataset: Dataset,
    summary: EvaluationSummary,
    story: Story,
    seals: Mapping[str, str],
    report: Reporter,
    *,
    overwrite: bool,
) -> None:
    """Write report.json, report.html and config.toml, or the one file that `out` names.

    Args:
        seals: The digest of each run's manifest, which tells runs of one name apart later.
    """
    settings = dataclasses.asdict(config.evaluate)
    made = dataclasses.asdict(provenance.current())
    versions = {
        "m6rec": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
    }
    whole = {
        **summary.to_json(),
        **story.to_json(),
        "version": __version__,
        "versions": versions,
        **made,
        "config": settings,
        "recommend": dataclasses.asdict(config.recommend),
        "manifest": dataset.manifest.to_json(),
        "runs": seals,
    }
    if out.suffix == ".json":
        write_json(out, whole, overwrite=overwrite)
        return
    # Imported here: jinja2 takes 0.1 s, and only the page needs it.
    from m6rec_cli.evaluation.report.html import Made, render_page

    page = render_page(
        summary,
        story,
        config=settings,
        manifest=dataset.manifest,
        made=Made(**made, versions=versions),
    )
    if out.suffix == ".html":
        with atomic_file(out, overwrite=overwrite) as work:
            work.write_text(page, encoding="utf-8")
        return
    with atomic_directory(out, kind="report", overwrite=overwrite, report=report) as work:
        (work / "config.toml").write_text(to_toml(config), encoding="utf-8")
        (work / "report.html").write_text(page, encoding="utf-8")
        write_json(work / "report.json", whole)
