"""What was named on the command line to the systems that are judged."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from m6rec_cli.config.settings import Config
from m6rec_cli.evaluation import content_terms, list_files, ranking
from m6rec_cli.evaluation.baselines._base import Scorer
from m6rec_cli.evaluation.ranking import SystemResult
from m6rec_cli.evaluation.task import EvaluationTask
from m6rec_cli.system import registry
from m6rec_cli.system.errors import M6RecError, nearest_hint, missing_path_hint
from m6rec_cli.system.progress import Reporter


@dataclass(frozen=True)
class SystemSpec:
    """One row of the table: a `run`, a `recs` file or a `baseline`, by the name the user gave it."""

    kind: str
    name: str


def baseline_names() -> list[str]:
    """The baselines as they are written on the command line."""
    return [name.replace("_", "-") for name in registry.names("evaluation.baselines")]


def resolve_systems(
    runs: Sequence[str], recs: Sequence[str], baselines: Sequence[str], compared: Sequence[str]
) -> list[SystemSpec]:
    """The systems in the order runs, files, baselines, then what only `--compare` or `--against` names; each once.

    Raises:
        M6RecError: There is nothing to judge, or a name is neither a baseline nor a path.
    """
    for name in baselines:
        if name not in baseline_names():
            raise M6RecError(
                f"unknown baseline `{name}`",
                where="--baselines",
                hint=nearest_hint(name, baseline_names()),
            )
    # Before anything is said of the data.
    for names, what, hint in (
        (runs, "run directory", "make it with `m6rec pretrain`"),
        (recs, "list file", None),
    ):
        for name in names:
            if not Path(name).exists():
                raise M6RecError(
                    f"the {what} does not exist", where=name, hint=missing_path_hint(name) or hint
                )
    systems = [SystemSpec("run", name) for name in runs] + [SystemSpec("recs", name) for name in recs]
    systems += [SystemSpec("baseline", name) for name in baselines]
    known = {system.name for system in systems}
    systems += [_guess(name) for name in compared if name not in known]
    if not systems:
        raise M6RecError(
            "there is nothing to judge",
            hint="name a run directory, `--recs FILE` or `--baselines popularity,last-item,itemknn,contentknn,ease`",
        )
    return list({system.name: system for system in reversed(systems)}.values())[::-1]


def _guess(name: str) -> SystemSpec:
    if name in baseline_names():
        return SystemSpec("baseline", name)
    path = Path(name)
    if path.is_dir():
        return SystemSpec("run", name)
    if path.is_file():
        return SystemSpec("recs", name)
    raise M6RecError(
        f"`{name}` is no baseline, no run directory and no list file",
        where="--compare, --against",
        hint=nearest_hint(name, baseline_names()),
    )


def evaluate_system(
    system: SystemSpec, task: EvaluationTask, config: Config, report: Reporter
) -> SystemResult:
    """Ask one system. A baseline is fitted on everything before the split; a run is as it was trained."""
    ks = config.evaluate.ks
    if system.kind == "recs":
        return list_files.evaluate_list_file(task, Path(system.name), ks, report, name=system.name)
    scorer: Scorer
    if system.kind == "baseline":
        module = registry.load("evaluation.baselines", system.name.replace("-", "_"))
        known = (content_terms.terms(task.data),) if module.READS == "content" else ()
        scorer = module.fit(task.history, task.data.n_users, task.n_items, *known)
    else:
        # Only here is jax needed: lists and baselines are judged without it.
        from m6rec_cli.inference.model_scorer import load_scorer

        scorer = load_scorer(Path(system.name), task.data, task.split, config, report, task.users)
    return ranking.evaluate_scorer(
        task, scorer, max(ks), report, name=system.name, kind=system.kind
    )
