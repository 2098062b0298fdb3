"""Systems and a data directory to metrics: on stdout, as report.json and as report.html.

A system is a trained run, a file of ranked lists from any recommender, or a baseline. All systems
are evaluated on the same task, see `EvaluationTask`.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from m6rec_cli.config.settings import Config
from m6rec_cli.data.store import Dataset
from m6rec_cli.evaluation.comparison import NamedTests
from m6rec_cli.evaluation.headline import choose_headline
from m6rec_cli.evaluation.report.advice import keys_to_try
from m6rec_cli.evaluation.report.building import build_summary
from m6rec_cli.evaluation.report.output import write_report
from m6rec_cli.evaluation.report.story import build_story
from m6rec_cli.evaluation.report.tables import show_explanations, show_tables
from m6rec_cli.evaluation.report.verdict import show_verdicts, verdicts
from m6rec_cli.evaluation.sample_explanations import explain_sample
from m6rec_cli.evaluation.seed_groups import find_seed_groups
from m6rec_cli.evaluation.systems import SystemSpec, evaluate_system, resolve_systems
from m6rec_cli.evaluation.task import build_task
from m6rec_cli.system import process_group
from m6rec_cli.system.errors import M6RecError, UsageError
from m6rec_cli.system.output_checks import (
    check_output_file,
    refuse_input_as_output,
    refuse_nonempty,
    require_writable,
)
from m6rec_cli.system.progress import Reporter, Summary
from m6rec_cli.system.run_manifest import read_run

_FILE_SUFFIXES = (".json", ".html")


@dataclass(frozen=True, kw_only=True)
class EvaluationRequest:
    """The systems and comparisons that the command line names.

    Attributes:
        runs: Run directories.
        recs: Files of ranked lists.
        baselines: Names of baselines.
        compare: Pairs of systems to test.
        against: A system to test every other system against; with other seeds of it among the runs,
            their mean.
        explain: Number of sample users whose lists are explained, for each run.
    """

    runs: Sequence[str] = ()
    recs: Sequence[str] = ()
    baselines: Sequence[str] = ()
    compare: Sequence[tuple[str, str]] = ()
    against: str | None = None
    explain: int = 0

    def systems(self) -> list[SystemSpec]:
        """The systems to evaluate."""
        compared = [name for pair in self.compare for name in pair]
        if self.against is not None:
            compared.append(self.against)
        return resolve_systems(self.runs, self.recs, self.baselines, compared)

    @property
    def tests(self) -> NamedTests:
        """The paired tests that are asked for."""
        return NamedTests(self.compare, self.against)


def run(
    config: Config,
    data: Path,
    request: EvaluationRequest,
    out: Path | None,
    report: Reporter,
    *,
    overwrite: bool = False,
) -> Summary:
    """Evaluate every system on the held-out events of a data directory.

    Args:
        out: A directory for report.json and report.html, or one .json or .html file; None writes
            nothing.

    Returns:
        The metrics; an empty summary in all processes of a group but the first.

    Raises:
        M6RecError: No system or no held-out event to evaluate, or a damaged input.
    """
    config = _with_sorted_cutoffs(config)
    systems = request.systems()
    if out is not None:
        _check_output(out, data, systems, overwrite=overwrite)
    if request.explain and not any(system.kind == "run" for system in systems):
        raise UsageError(
            "`--explain` explains the lists of runs, and no run is evaluated", hint="name a run"
        )
    runs = [system.name for system in systems if system.kind == "run"]
    seals = {name: read_run(Path(name)).seal for name in runs} if out is not None else {}
    settings = config.evaluate
    report.status("reading the data")
    dataset = Dataset.open(data)
    task = build_task(
        dataset,
        settings.split,
        protocol=settings.protocol,
        max_users=settings.max_users,
        seed=settings.seed,
    )
    headline = choose_headline(task, config.recommend.seen, report)
    # Explained lists show what the headline is about.
    seen = "drop" if headline == "masked" else "keep"
    recommend = dataclasses.replace(config.recommend, seen=seen)
    config = dataclasses.replace(config, recommend=recommend)
    results = {system.name: evaluate_system(system, task, config, report) for system in systems}
    with process_group.first_process_writes() as may_write:
        if not may_write:
            return {}
        report.status("computing figures, intervals and tests")
        groups = find_seed_groups(systems)
        summary = build_summary(data, task, results, request.tests, groups, headline, config)
        if request.explain:
            explanations = {
                system.name: explain_sample(
                    Path(system.name), task, request.explain, config, report
                )
                for system in systems
                if system.kind == "run"
            }
            summary = dataclasses.replace(summary, explanations=explanations)
        in_words = verdicts(summary, lambda run: keys_to_try(Path(run), dataset))
        summary = dataclasses.replace(summary, verdicts=in_words)
        show_tables(summary, report)
        show_explanations(summary, report)
        if out is not None:
            story = build_story(task, results, summary, config)
            write_report(out, config, dataset, summary, story, seals, report, overwrite=overwrite)
        show_verdicts(summary, report)
    return summary.to_json()


def _with_sorted_cutoffs(config: Config) -> Config:
    ks = config.evaluate.ks
    if not ks or min(ks) < 1:
        raise M6RecError(
            f"`evaluate.ks` is {ks}: it takes one or more cut-offs from 1 up",
            hint="for instance `--ks 5,10,20`",
        )
    return dataclasses.replace(
        config, evaluate=dataclasses.replace(config.evaluate, ks=sorted(set(ks)))
    )


def _check_output(out: Path, data: Path, systems: Sequence[SystemSpec], *, overwrite: bool) -> None:
    """Refuse an output that exists, is an input or cannot be written, before hours of work."""
    inputs = [data, *(Path(system.name) for system in systems if system.kind != "baseline")]
    refuse_input_as_output(out, inputs)
    if out.suffix not in _FILE_SUFFIXES:
        refuse_nonempty(out, kind="report", overwrite=overwrite)
    else:
        check_output_file(out, overwrite=overwrite)
    require_writable(out)
