"""Several runs to one table: the settings that differ, figures, spread over seeds, paired tests."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from m6rec_cli.config.settings import STAGE_DEFAULTS
from m6rec_cli.inspection.description import Description, Figure
from m6rec_cli.inspection.json_files import Tree, number, objects, table, text, texts
from m6rec_cli.inspection.kinds import report as reports

SEED = "train.seed"
_TRAINING = ("ndcg@10", "recall@10", "loss", "best epoch", "epochs", "parameters", "seconds")
_MISSING = "-"


@dataclass(frozen=True, kw_only=True)
class RunComparison:
    """Runs side by side.

    Attributes:
        settings: The keys that differ between the runs, without the seed.
        rows: For each run its name, stage and seed, its settings of these keys, and its figures.
        groups: For each set of runs that differ in their seed alone: runs, mean and standard
            deviation of each figure.
        tests: Paired tests of the reports in which both systems are among the runs, or one is.
    """

    settings: tuple[str, ...]
    rows: list[dict[str, object]]
    groups: list[dict[str, object]]
    tests: list[dict[str, object]]

    def to_json(self) -> dict[str, object]:
        """The JSON object, with the fields as keys."""
        return {**vars(self), "settings": list(self.settings)}


def compare(runs: Sequence[Description], evaluations: Sequence[Description]) -> RunComparison:
    """Compare runs.

    Args:
        runs: At least two.
        evaluations: Reports; their figures of the runs are added.
    """
    configs = [configuration_of(run) for run in runs]
    differing = [
        key
        for key in dict.fromkeys(key for config in configs for key in config)
        if len({shown_value(config.get(key)) for config in configs}) > 1
    ]
    settings = tuple(key for key in differing if key != SEED)
    found = [reports.read(Path(report.path)) for report in evaluations]
    rows: list[dict[str, object]] = []
    for run, config in zip(runs, configs, strict=True):
        figures = {n: run.figures[n] for n in _TRAINING if n in run.figures}
        for report in found:
            figures |= _evaluated(report, run.path)
        rows.append(
            {
                "run": run.path,
                "stage": run.details["stage"],
                "seed": config.get(SEED),
                "settings": {key: config.get(key) for key in settings},
                "figures": figures,
            }
        )
    return RunComparison(
        settings=settings,
        rows=rows,
        groups=_seed_groups(runs, configs, rows),
        tests=[test for report in found for test in _tests(report, runs)],
    )


def configuration_of(run: Description) -> dict[str, object]:
    """The keys of a run without those that are the default of its stage and of no other one."""
    config = _flat(table(run.details, "config"))
    defaults = STAGE_DEFAULTS.get(str(run.details["stage"]), {})
    return {key: value for key, value in config.items() if defaults.get(key, ...) != value}


def _flat(tree: Tree, prefix: str = "") -> dict[str, object]:
    """Sections of a configuration to dotted keys."""
    found: dict[str, object] = {}
    for key, value in tree.items():
        found |= (
            _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
        )
    return found


def _evaluated(report: Tree, run: str) -> dict[str, Figure]:
    """The leading figures that a report has of a run, named with its split."""
    split, metric = text(report, "split") or "?", reports.main_metric(report)
    recall = metric.replace("ndcg", "recall")
    for name, system in table(report, "systems").items():
        if _is_same(name, run) and isinstance(system, dict):
            return {f"{split} {m}": reports.figure(report, system, m) for m in (metric, recall)}
    return {}


def _tests(report: Tree, runs: Sequence[Description]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    # A side may be several runs that differ in their seed, under a name of their own.
    members = {text(group, "name"): texts(group, "runs") for group in objects(report, "seeds")}
    for pair in objects(report, "comparisons"):
        a, b = text(pair, "a") or "?", text(pair, "b") or "?"
        sides = [name for side in (a, b) for name in members.get(side, [side])]
        if not any(_is_same(name, run.path) for name in sides for run in runs):
            continue
        for metric, test in table(pair, "metrics").items():
            if not isinstance(test, dict):
                continue
            low, high = reports.interval(test, "interval") or (None, None)
            found.append(
                {
                    "a": a,
                    "b": b,
                    "metric": metric,
                    "difference": number(test, "difference"),
                    "low": low,
                    "high": high,
                    "p": number(test, "p_adjusted"),
                }
            )
    return found


def _is_same(name: str, run: str) -> bool:
    return name == run or Path(name).resolve() == Path(run).resolve()


def _seed_groups(
    runs: Sequence[Description],
    configs: Sequence[dict[str, object]],
    rows: Sequence[dict[str, object]],
) -> list[dict[str, object]]:
    """The sets of at least two runs of one stage, data and configuration with different seeds."""
    groups: dict[str, dict[str, dict[str, object]]] = {}
    for run, config, row in zip(runs, configs, rows, strict=True):
        same = {key: value for key, value in config.items() if key != SEED}
        key = repr((run.details["stage"], run.details["data_fingerprints"], sorted(same.items())))
        groups.setdefault(key, {}).setdefault(shown_value(config.get(SEED)), row)
    return [
        {
            "runs": [row["run"] for row in members.values()],
            "seeds": [row["seed"] for row in members.values()],
            "figures": _spread([figures_of(row) for row in members.values()]),
        }
        for members in groups.values()
        if len(members) > 1
    ]


def _spread(figures: Sequence[dict[str, Figure]]) -> dict[str, dict[str, float]]:
    """Mean and standard deviation (n - 1) of each number that all runs have."""
    found = {}
    for name in figures[0]:
        values = [v for row in figures if isinstance(v := row.get(name), int | float)]
        if len(values) == len(figures):
            found[name] = {"mean": statistics.mean(values), "sd": statistics.stdev(values)}
    return found


def figures_of(row: dict[str, object]) -> dict[str, Figure]:
    """The figures of a row."""
    figures = row["figures"]
    assert isinstance(figures, dict)
    return figures


def shown_value(value: object) -> str:
    """The value of a key as TOML would have it, near enough for a table."""
    if value is None:
        return _MISSING
    return str(value).lower() if isinstance(value, bool) else str(value)
