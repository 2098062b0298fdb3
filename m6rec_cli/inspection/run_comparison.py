"""Several runs to one table: the settings that differ, figures, spread over seeds, paired tests."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from m6rec_cli.inspection.description import Description, Figure, Table
from m6rec_cli.inspection.json_files import Tree, number, objects, table, text
from m6rec_cli.inspection.kinds import report as reports

SEED = "train.seed"
_TRAINING = ("ndcg@10", "recall@10", "loss", "best epoch", "epochs", "parameters", "seconds")
_MISSING = "-"


@dataclass(frozen=True, kw_only=True)
class RunComparison:
    """Runs side by side.

    Attributes:
        settings: The keys that differ between the runs, without the seed.
        rows: For each run its name, its settings of these keys, and its figures.
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

    def tables(self) -> list[Table]:
        """The tables that a person sees."""
        figures = list(dict.fromkeys(name for row in self.rows for name in _figures_of(row)))
        found = [
            Table(
                title="runs: training shows validation figures of the model alone",
                columns=("run", *self.settings, *figures),
                rows=[
                    [
                        row["run"],
                        *(_shown(_table(row, "settings").get(key)) for key in self.settings),
                        *(_figures_of(row).get(name) for name in figures),
                    ]
                    for row in self.rows
                ],
            )
        ]
        if self.groups:
            found.append(_groups_table(self.groups))
        if self.tests:
            names = ("a", "b", "metric", "difference", "low", "high", "p")
            found.append(
                Table(
                    title="paired tests over users",
                    columns=names,
                    rows=[[test[name] for name in names] for test in self.tests],
                )
            )
        return found


def compare(runs: Sequence[Description], evaluations: Sequence[Description]) -> RunComparison:
    """Compare runs.

    Args:
        runs: At least two.
        evaluations: Reports; their figures of the runs are added.
    """
    configs = [flat(table(run.details, "config")) for run in runs]
    differing = [
        key
        for key in dict.fromkeys(key for config in configs for key in config)
        if len({_shown(config.get(key)) for config in configs}) > 1
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


def flat(tree: Tree, prefix: str = "") -> dict[str, object]:
    """Sections of a configuration to dotted keys."""
    found: dict[str, object] = {}
    for key, value in tree.items():
        found |= (
            flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
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
    for pair in objects(report, "comparisons"):
        a, b = text(pair, "a") or "?", text(pair, "b") or "?"
        if not any(_is_same(name, run.path) for name in (a, b) for run in runs):
            continue
        for metric, test in table(pair, "metrics").items():
            if not isinstance(test, dict):
                continue
            interval = test.get("interval")
            low, high = (
                interval if isinstance(interval, list) and len(interval) == 2 else (None,) * 2
            )
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
        groups.setdefault(key, {}).setdefault(_shown(config.get(SEED)), row)
    return [
        {
            "runs": [row["run"] for row in members.values()],
            "seeds": [row["seed"] for row in members.values()],
            "figures": _spread([_figures_of(row) for row in members.values()]),
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


def _groups_table(groups: Sequence[dict[str, object]]) -> Table:
    names = list(dict.fromkeys(name for group in groups for name in _table(group, "figures")))
    names = [name for name in names if "@" in name or name == "loss"]
    rows = []
    for group in groups:
        runs, figures = group["runs"], _table(group, "figures")
        assert isinstance(runs, list)
        cells = [figures.get(name) for name in names]
        rows.append(
            [
                f"{runs[0]} and {len(runs) - 1} more",
                *(
                    f"{c['mean']:.4f} ± {c['sd']:.4f}" if isinstance(c, dict) else None
                    for c in cells
                ),
            ]
        )
    return Table(title="over seeds: mean ± standard deviation", columns=("runs", *names), rows=rows)


def _figures_of(row: dict[str, object]) -> dict[str, Figure]:
    figures = row["figures"]
    assert isinstance(figures, dict)
    return figures


def _table(row: dict[str, object], name: str) -> Tree:
    value = row[name]
    assert isinstance(value, dict)
    return value


def _shown(value: object) -> str:
    """The value of a key as TOML would have it, near enough for a table."""
    if value is None:
        return _MISSING
    return str(value).lower() if isinstance(value, bool) else str(value)
