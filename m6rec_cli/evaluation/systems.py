"""Names on the command line to systems, and a system to its result on the evaluation task."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from m6rec_cli.config.settings import Config
from m6rec_cli.data.store import Dataset
from m6rec_cli.evaluation import list_files, ranking
from m6rec_cli.evaluation.baselines._base import (
    BASELINES,
    BaselineScorer,
    FittedBaseline,
    ItemContent,
)
from m6rec_cli.evaluation.results import SystemKind, SystemResult
from m6rec_cli.evaluation.task import EvaluationTask
from m6rec_cli.item_graphs import content_cosines, content_similarity
from m6rec_cli.system.errors import M6RecError, missing_path_hint, nearest_hint
from m6rec_cli.system.progress import Reporter

if TYPE_CHECKING:
    from m6rec_cli.inference.model_scorer import ModelScorer


@dataclass(frozen=True)
class SystemSpec:
    """A system to evaluate, by its name on the command line: a path or a baseline."""

    kind: SystemKind
    name: str


def resolve_systems(
    runs: Sequence[str], recs: Sequence[str], baselines: Sequence[str], compared: Sequence[str]
) -> list[SystemSpec]:
    """The systems to evaluate, each once: runs, files, baselines, then other `compared` names.

    Args:
        runs: Run directories.
        recs: Files of ranked lists.
        baselines: Names of baselines.
        compared: Names after `--compare` and `--against`, of any kind.

    Raises:
        M6RecError: No system is named, or a name is neither a baseline nor an existing path.
    """
    for name in baselines:
        if name not in BASELINES.option_names():
            raise M6RecError(
                f"unknown baseline `{name}`",
                where="--baselines",
                hint=nearest_hint(name, BASELINES.option_names()),
            )
    for names, what, hint in (
        (runs, "run directory", "make it with `m6rec pretrain`"),
        (recs, "list file", None),
    ):
        for name in names:
            if not Path(name).exists():
                raise M6RecError(
                    f"the {what} does not exist", where=name, hint=missing_path_hint(name) or hint
                )
    systems = [SystemSpec("run", name) for name in runs]
    systems += [SystemSpec("recs", name) for name in recs]
    systems += [SystemSpec("baseline", name) for name in baselines]
    known = {system.name for system in systems}
    systems += [_guess_kind(name) for name in compared if name not in known]
    if not systems:
        raise M6RecError(
            "no system to evaluate",
            hint="name a run directory, `--recs FILE` or "
            f"`--baselines {','.join(BASELINES.option_names())}`",
        )
    return list({system.name: system for system in reversed(systems)}.values())[::-1]


def _guess_kind(name: str) -> SystemSpec:
    if name in BASELINES.option_names():
        return SystemSpec("baseline", name)
    path = Path(name)
    if path.is_dir():
        return SystemSpec("run", name)
    if path.is_file():
        return SystemSpec("recs", name)
    raise M6RecError(
        f"`{name}` is no baseline, no run directory and no list file",
        where="--compare, --against",
        hint=nearest_hint(name, BASELINES.option_names()),
    )


def evaluate_system(
    system: SystemSpec, task: EvaluationTask, config: Config, report: Reporter
) -> SystemResult:
    """Evaluate one system; baselines are fitted on all events before the split."""
    ks = config.evaluate.ks
    if system.kind == "recs":
        if task.protocol == "rolling":
            raise M6RecError(
                "a list file has one list per user, and `--protocol rolling` asks for one per "
                "held-out event",
                where=system.name,
                hint="evaluate the file with `--protocol all`",
            )
        return list_files.evaluate_list_file(task, Path(system.name), ks, report, name=system.name)
    if system.kind == "baseline":
        report.status(f"fitting {system.name}")
        scorer = BaselineScorer(fit_baseline(system.name, task), task.histories)
    else:
        report.status(f"loading {system.name}")
        scorer = scorer_of_run(Path(system.name), task, config, report)
    return ranking.evaluate_scorer(
        task, scorer, max(ks), report, name=system.name, kind=system.kind
    )


def scorer_of_run(
    path: Path, task: EvaluationTask, config: Config, report: Reporter
) -> "ModelScorer":
    """A scorer of a run for the queries of a task, with its ranking weights for the protocol."""
    # Imported here because files of lists and baselines are evaluated without jax.
    from m6rec_cli.inference.model_scorer import load_scorer

    return load_scorer(path, task.data, task.split, config, report, task.queries, task.protocol)


def fit_baseline(name: str, task: EvaluationTask) -> FittedBaseline:
    """Fit a baseline on the events before the split and, if it reads content, the item features.

    Raises:
        M6RecError: The baseline reads content, and the items have no such features.
    """
    baseline = BASELINES.load_option(name)
    n_users, n_items = task.data.n_users, task.n_items
    if baseline.READS == "events":
        return baseline.fit(task.known, n_users, n_items)
    content = read_content(task.data)
    if baseline.READS == "content" and not content.term_counts:
        raise M6RecError(
            f"`{name}` compares items by text, set and categorical features, and the data have "
            "none of them",
            where=str(task.data.path / "items.parquet"),
            hint=f"leave `{name}` out of `--baselines`",
        )
    return baseline.fit(task.known, n_users, n_items, content)


def read_content(data: Dataset) -> ItemContent:
    """The item features of a data directory by which items are compared."""
    specs = [s for s in data.specs if s.entity == "item"]
    return ItemContent(
        content_similarity.term_counts(specs, data.feature),
        content_cosines.filled_vectors(specs, data.feature),
    )
