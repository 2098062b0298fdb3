"""The comparison of runs to the tables that a person sees."""

from collections.abc import Iterator, Sequence

from m6rec_cli.inspection.description import Table
from m6rec_cli.inspection.json_files import Tree, table
from m6rec_cli.inspection.run_comparison import RunComparison, figures_of, shown_value
from m6rec_cli.system.progress import TableStyle

_SIDE = ("loss", "parameters", "seconds", "epochs", "best epoch")
"""Figures that a narrow terminal leaves out, these first, then recall."""


def comparison_tables(comparison: RunComparison) -> Iterator[Table]:
    """Runs with settings and figures, groups of seeds, paired tests; empty ones are left out."""
    yield _runs_table(comparison)
    if comparison.groups:
        yield _groups_table(comparison.groups)
    if comparison.tests:
        yield _tests_table(comparison.tests)


def _runs_table(comparison: RunComparison) -> Table:
    rows = comparison.rows
    facts = ["stage"] if len({row["stage"] for row in rows}) > 1 else []
    names = list(dict.fromkeys(name for row in rows for name in figures_of(row)))
    names.sort(key=lambda name: "@" not in name)  # stable: metrics first
    columns = ("run", *facts, *_short_names(comparison.settings, names), *names)
    cells = [
        [
            row["run"],
            *(row[fact] for fact in facts),
            *(shown_value(table(row, "settings").get(key)) for key in comparison.settings),
            *(figures_of(row).get(name) for name in names),
        ]
        for row in rows
    ]
    recall = [name for name in names if "recall" in name]
    side = [name for name in (*_SIDE, *recall) if name in names]
    best = {
        (n, at)
        for at, name in enumerate(columns)
        if "ndcg" in name
        for n, row in enumerate(cells)
        if row[at] is not None and row[at] == _largest(cells, at)
    }
    return Table(
        title="runs; figures without a split are of the model alone on validation events",
        columns=columns,
        rows=cells,
        style=TableStyle(names=1, side=side, best=best),
    )


def _largest(cells: Sequence[Sequence[object]], at: int) -> float | None:
    """The largest number of a column."""
    return max((row[at] for row in cells if isinstance(row[at], float)), default=None)  # type: ignore[type-var]


def _short_names(keys: Sequence[str], taken: Sequence[str]) -> list[str]:
    """The last part of each key; a whole key where another one, or another column, is alike."""
    ends = [key.rpartition(".")[2] for key in keys]
    return [
        key if (*ends, *taken).count(end) > 1 else end for key, end in zip(keys, ends, strict=True)
    ]


def _groups_table(groups: Sequence[dict[str, object]]) -> Table:
    names = list(dict.fromkeys(name for group in groups for name in table(group, "figures")))
    names = [name for name in names if "@" in name or name == "loss"]
    rows = []
    for group in groups:
        runs, figures = group["runs"], table(group, "figures")
        assert isinstance(runs, list)
        cells = (table(figures, name) for name in names)
        rows.append(
            [
                f"{runs[0]} and {len(runs) - 1} more",
                *(f"{c['mean']:.4f} ± {c['sd']:.4f}" if c else None for c in cells),
            ]
        )
    return Table(
        title="over seeds: mean ± standard deviation",
        columns=("runs", *names),
        rows=rows,
        style=TableStyle(names=1, side=[n for n in reversed(names) if "ndcg" not in n]),
    )


def _tests_table(tests: Sequence[Tree]) -> Table:
    """The title names the other side if it is the same in all tests."""
    others = {str(test["b"]) for test in tests}
    shared = f" against `{others.pop()}`" if len(others) == 1 else ""
    names = ("system",) if shared else ("system", "against")
    rows = [
        [
            *(test["a"], test["b"])[: len(names)],
            test["metric"],
            test["difference"],
            None if test["low"] is None else f"{test['low']:+.3f} to {test['high']:+.3f}",
            test["p"],
        ]
        for test in tests
    ]
    return Table(
        title=f"paired tests over users{shared}, of the reports",
        columns=(*names, "metric", "above by", "95%", "p"),
        rows=rows,
        style=TableStyle(names=len(names), side=["p", "95%"]),
    )
