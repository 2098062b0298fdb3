"""The summary of an evaluation to the tables on the terminal."""

from collections.abc import Sequence

from m6rec_cli.evaluation.measurement import (
    best_value,
    leading_metrics,
    main_columns,
    main_cutoff,
    short_figure,
)
from m6rec_cli.evaluation.report.seed_spread import SeedSummary
from m6rec_cli.evaluation.report.summary import EvaluationSummary, SystemSummary
from m6rec_cli.evaluation.sample_explanations import Reason
from m6rec_cli.system.progress import Reporter, TableStyle

_REASONS = 2
"""Events and parts that are shown for an explained item."""


def show_tables(summary: EvaluationSummary, report: Reporter) -> None:
    """Show the main table and, if systems were compared, the paired tests."""
    k = main_cutoff(summary.ks)
    main = f"{leading_metrics()[0]}@{k}"
    columns = [f"{name}@{k}" for name in main_columns()]
    header = ["system"]
    for name in columns:
        header += [name, "95%"] if name == main else [name]
    other = f"{main} {summary.other_view}"
    rows = [
        _system_row(summary, name, system, columns, main)
        for name, system in summary.systems.items()
    ]
    # The main metric and its interval remain on the narrowest terminal.
    side = [name for name in reversed(columns) if name != main]
    report.table(
        f"{summary.users:,} users, {_protocol(summary)}, seen items {summary.headline}",
        [*header, other],
        rows,
        TableStyle(names=1, side=[*side[:-1], other, *side[-1:]], best=_best_cells(header, rows)),
    )
    if summary.seeds:
        report.table(
            "over seeds: mean, standard deviation (sd), interval of the mean over users",
            ["runs", "metric", "mean", "sd", "95%", f"mean {summary.other_view}"],
            [_seed_row(summary, group, metric) for group in summary.seeds for metric in columns],
            TableStyle(names=1, side=[f"mean {summary.other_view}"]),
        )
    if summary.comparisons:
        _show_tests(summary, report)


def _show_tests(summary: EvaluationSummary, report: Reporter) -> None:
    """Show the paired tests; the title names the other side if it is the same in all of them."""
    n_tests = sum(len(pair.metrics) for pair in summary.comparisons)
    adjusted = f"; p is adjusted for {n_tests} tests (Holm)" if n_tests > 1 else ""
    others = {pair.b for pair in summary.comparisons}
    shared = f" against `{others.pop()}`" if len(others) == 1 else ""
    names = ["system"] if shared else ["system", "against"]
    report.table(
        f"paired tests over users{shared}{adjusted}",
        [*names, "metric", "above by", "95%", "p"],
        [
            [
                *[pair.a, pair.b][: len(names)],
                metric,
                test.difference,
                _interval(test.interval, "+"),
                test.p_adjusted,
            ]
            for pair in summary.comparisons
            for metric, test in pair.metrics.items()
        ],
        TableStyle(names=len(names), side=["p", "95%"]),
    )


def _best_cells(
    header: Sequence[str], rows: Sequence[Sequence[str | float | None]]
) -> list[tuple[int, int]]:
    """Row and column of the best figure of each metric."""
    found = []
    for at, name in enumerate(header):
        if "@" in name:
            values = [x if isinstance(x, float) else None for x in (row[at] for row in rows)]
            best = best_value(name, values)
            found += [
                (n, at) for n, value in enumerate(values) if value is not None and value == best
            ]
    return found


def show_explanations(summary: EvaluationSummary, report: Reporter) -> None:
    """Show the explained lists of the sample users; events and parts with the largest shares."""
    for run, users in summary.explanations.items():
        report.table(
            f"explained lists of {run}",
            ["user", "item", "hit", "because of events", "because of parts"],
            [
                [
                    user.user_id,
                    item.name,
                    "hit" if item.hit else "",
                    *(_reasons(reasons) for reasons in (item.events, item.parts)),
                ]
                for user in users
                for item in user.items
            ],
        )


def _reasons(reasons: Sequence[Reason]) -> str:
    return ", ".join(f"{reason.name} {reason.share:.0%}" for reason in reasons[:_REASONS])


def _seed_row(
    summary: EvaluationSummary, group: SeedSummary, metric: str
) -> list[str | float | None]:
    figure = group.view(summary.headline)[metric]
    interval = _interval(group.intervals.get(metric))
    other = group.view(summary.other_view)[metric].mean
    return [group.name, metric, figure.mean, figure.sd, interval, other]


def _protocol(summary: EvaluationSummary) -> str:
    split = f"split `{summary.split}`"
    if summary.protocol == "rolling":
        return f"the next event {summary.queries:,} times (rolling), {split}"
    return split


def _system_row(
    summary: EvaluationSummary, name: str, system: SystemSummary, columns: list[str], main: str
) -> list[str | float | None]:
    row: list[str | float | None] = [name]
    for column in columns:
        row.append(system.view(summary.headline)[column])
        if column == main:
            row.append(_interval(system.intervals.get(main)))
    return [*row, system.view(summary.other_view)[main]]


def _interval(interval: list[float] | None, sign: str = "") -> str:
    """Both ends, as in a verdict."""
    if interval is None:
        return "-"
    return f"{short_figure(interval[0], sign)} to {short_figure(interval[1], sign)}"
