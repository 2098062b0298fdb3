"""Paired tests to a verdict in words: above, below or not clearly apart, and what to do then."""

from collections.abc import Callable, Sequence

from m6rec_cli.evaluation.comparison import Comparison, PairedTest
from m6rec_cli.evaluation.measurement import display, leading_metrics, main_cutoff, short_figure
from m6rec_cli.evaluation.report.summary import EvaluationSummary
from m6rec_cli.system.progress import Reporter
from m6rec_cli.system.shown_text import shortened

_SIGNIFICANT = 0.05
_NAME_WIDTH = 40


def verdicts(summary: EvaluationSummary, keys_to_try: Callable[[str], Sequence[str]]) -> list[str]:
    """A verdict by the main metric for each of the summary's comparisons, in the same order.

    Args:
        keys_to_try: The settings worth trying for a run that is not above a baseline.
    """
    k = main_cutoff(summary.ks)
    title = f"{display(leading_metrics()[0]).title}@{k}"
    first_runs = {group.name: group.runs[0] for group in summary.seeds}
    found = []
    for pair in summary.comparisons:
        test = _main_test(pair, k)
        run, other = first_runs.get(pair.a, pair.a), first_runs.get(pair.b, pair.b)
        kinds = summary.systems[run].kind, summary.systems[other].kind
        is_above = is_clear(test) and (test.difference or 0.0) > 0
        advises = kinds == ("run", "baseline") and not is_above
        found.append(_in_words(pair, test, title, keys_to_try(run) if advises else ()))
    return found


def show_verdicts(summary: EvaluationSummary, report: Reporter) -> None:
    """Report the verdicts, each with its figures for programs."""
    k = main_cutoff(summary.ks)
    for text, pair in zip(summary.verdicts, summary.comparisons, strict=True):
        test = _main_test(pair, k)
        report.event(
            "verdict",
            text,
            a=pair.a,
            b=pair.b,
            metric=f"{leading_metrics()[0]}@{k}",
            difference=test.difference,
            interval=test.interval,
            p_adjusted=test.p_adjusted,
        )


def _main_test(pair: Comparison, k: int) -> PairedTest:
    return pair.metrics[f"{leading_metrics()[0]}@{k}"]


def _in_words(pair: Comparison, test: PairedTest, title: str, keys: Sequence[str]) -> str:
    a, b = (f"`{shortened(name, _NAME_WIDTH)}`" for name in (pair.a, pair.b))
    difference = test.difference or 0.0
    instead = f": use {b}, or try {_listed(keys)}" if keys else ""
    if not is_clear(test):
        gain = short_figure(difference, "+")
        evidence = _evidence(test, test.interval)
        return f"{a} and {b} are not clearly apart: {gain} {title} ({evidence}){instead}"
    if difference > 0:
        by, evidence = short_figure(difference), _evidence(test, test.interval)
        return f"{a} is above {b} by {by} {title} ({evidence})"
    turned = [-end for end in reversed(test.interval)] if test.interval else None
    by, evidence = short_figure(-difference), _evidence(test, turned)
    return f"{a} is below {b} by {by} {title} ({evidence}){instead}"


def is_clear(test: PairedTest) -> bool:
    """Whether both the interval and the adjusted p-value exclude a difference of zero."""
    return test.p_adjusted < _SIGNIFICANT and _excludes_zero(test.interval)


def _excludes_zero(interval: Sequence[float] | None) -> bool:
    return interval is None or interval[0] > 0 or interval[1] < 0


def _evidence(test: PairedTest, interval: Sequence[float] | None) -> str:
    """The interval; the p-value if there is no interval or it alone denies a difference."""
    p_value = f"p {short_figure(test.p_adjusted)}"
    if interval is None:
        return p_value
    text = f"95% {short_figure(interval[0])} to {short_figure(interval[1])}"
    return f"{text}, {p_value}" if _excludes_zero(interval) and not is_clear(test) else text


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
