"""Trials to lines of a table for people, and events for programs."""

from m6rec_cli.config.toml_text import toml_literal
from m6rec_cli.system.progress import Reporter, TableStyle
from m6rec_cli.system.shown_text import duration
from m6rec_cli.tuning.trial_records import Settings, TrialRecord, best_of

_WIDTHS = (5, 10, 7, 6, 12)
_HEADINGS = ("trial", "state", "ndcg@10", "epochs", "time")


def report_heading(report: Reporter) -> None:
    """Report the heading of the lines."""
    report.event("search", _line(*_HEADINGS))


def report_trial(number: int, records: list[TrialRecord], report: Reporter) -> None:
    """Report a trial that ended, or was interrupted."""
    record = next(record for record in records if record.number == number)
    best = best_of(records)
    is_best = best is not None and best.number == record.number
    ndcg = "-" if record.ndcg is None else f"{record.ndcg:.4f}"
    line = _line(
        str(record.number), record.state, ndcg, str(record.epochs), duration(record.seconds)
    )
    report.event(
        "trial",
        line + ("  best" if is_best else ""),
        trial=record.number,
        state=record.state,
        **{"ndcg@10": record.ndcg},
        epochs=record.epochs,
        seconds=round(record.seconds, 2),
        best=is_best,
        settings=dict(record.settings),
    )


def report_best(best: TrialRecord, default: Settings, report: Reporter) -> None:
    """Report the settings of the best trial that differ from the default."""
    rows = [
        [key, toml_literal(default[key]), _short(best.settings[key])]
        for key in default
        if best.settings[key] != default[key]
    ]
    if rows:
        title = f"settings of trial {best.number} that differ from the default's"
        report.table(title, ("key", "default", "best"), rows, TableStyle(names=1))


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else toml_literal(value)  # type: ignore[arg-type]


def _line(*cells: str) -> str:
    pairs = zip(cells, _WIDTHS, strict=True)
    return "  ".join(cell.rjust(width) for cell, width in pairs).rstrip()
