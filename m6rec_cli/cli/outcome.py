"""A stage's summary to the last lines of a command: what was done, and what usually comes next."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from m6rec_cli.system.progress import Summary


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a command ended well.

    Attributes:
        done: What was done, without the time that it took.
        next_step: The command that usually follows, or words; None if there is nothing to do.
        summary: The JSON object for programs; None if stdout holds something else.
    """

    done: str
    next_step: str | None = None
    summary: Summary | None = None


SCHEMA_SHOWN = Outcome(
    done="the tables are read as above; nothing is written",
    next_step="the same command with `--out DIR` in place of `--dry-run`",
)
"""The outcome of `preprocess --dry-run`."""

SPACE_SHOWN = Outcome(
    done="the space is as printed; nothing is searched",
    next_step="save it in a file, edit it, and name it with `--space`",
)
"""The outcome of `tune --show-space`."""


def schema_written(path: Path) -> Outcome:
    """The outcome of `preprocess --schema-out`."""
    schema = shlex.quote(str(path))
    return Outcome(
        done=f"schema → {path}",
        next_step=f"the same command with `--schema {schema} --out DIR`; edit the schema first if "
        "you disagree",
    )


def preprocessed(summary: Summary) -> Outcome:
    """The outcome of `preprocess`."""
    counts, out = summary["counts"], summary["out"]
    return Outcome(
        done=f"{sum(counts['events'].values()):,} events of {counts['users']:,} users and "
        f"{counts['items']:,} items → {out}",
        next_step=_command("pretrain", out, "--out", "pretrained"),
        summary=summary,
    )


def trained(summary: Summary) -> Outcome:
    """The outcome of `pretrain` and `finetune`."""
    if not summary:  # in all processes but the first
        return Outcome(done="")
    run, data, best = summary["out"], summary["data"][0], summary["best"]
    figure = ""
    if "ndcg@10" in best:  # events are held out
        figure = f", best NDCG@10 {best['ndcg@10']:.4f} of epoch {best['epoch']}"
    has_labels = summary["stage"] == "pretrain" and _has_labels(Path(data))
    start = _start_is_best(summary)
    return Outcome(
        done=f"{_plural(summary['epochs'], 'epoch')}{start or figure} → {run}",
        next_step=_command("finetune", data, "--init", run, "--out", "tuned")
        if has_labels
        else _command("evaluate", run, "--data", data, "--out", "report"),
        summary=summary,
    )


def _start_is_best(summary: Summary) -> str | None:
    """What follows if the best epoch is the 0th; None if it is another."""
    best = summary["best"]
    if best["epoch"] or "ndcg@10" not in best:
        return None
    # A warning has said that no epoch was better, and by which figure.
    if summary["stage"] == "finetune":
        return f": the model stays that of {summary['parent']}"
    return ": the model stays untrained"


def tuned(summary: Summary) -> Outcome:
    """The outcome of `tune`."""
    trials, best, gain = sum(summary["trials"].values()), summary["best"], summary["gain"]
    figure = f"NDCG@10 {best['ndcg@10']:.4f} on validation events"
    if gain is None:
        found = f"the best is trial {best['trial']}, {figure}; the default is not finished"
    elif best["trial"] == 0:
        found = f"none better than the default ({figure})"
    else:
        found = (
            f"the best is trial {best['trial']}, {figure}, {gain:.4f} above the default; as the "
            f"best of {trials} it is optimistic"
        )
    return Outcome(
        done=f"{_plural(trials, 'trial')}, {found} → {summary['out']}",
        next_step=_command(
            "evaluate", summary["run"], "--data", summary["data"][0], "--out", "report"
        ),
        summary=summary,
    )


def evaluated(summary: Summary, out: Path | None) -> Outcome:
    """The outcome of `evaluate`; the report is opened next, or the best run makes lists."""
    if not summary:
        return Outcome(done="")
    systems, data = summary["systems"], summary["data"]
    done = f"{_plural(len(systems), 'system')}, {summary['users']:,} users"
    if out is not None and out.suffix != ".json":
        page = out if out.suffix == ".html" else out / "report.html"
        return Outcome(
            done=f"{done} → {out}", next_step=f"open {shlex.quote(str(page))}", summary=summary
        )
    best = _best_run(summary)
    return Outcome(
        done=done if out is None else f"{done} → {out}",
        next_step=_command("recommend", best, "--data", data, "--out", "recs.csv")
        if best
        else _command("pretrain", data, "--out", "pretrained"),
        summary=summary,
    )


def recommended(summary: Summary, data: Path | None, before: str) -> Outcome:
    """The outcome of `recommend`.

    Args:
        before: The split that ended the histories of `data`; such lists can be evaluated.
    """
    out, run = summary["out"], summary["run"]
    place = "" if out == "-" else f" → {out}"
    basis = ", ".join(f"{n:,} {name}" for name, n in summary["basis"].items())
    if data is None:
        follows = f"m6rec guide {'new-shop' if summary.get('other_shop') else 'nightly'}"
    elif before == "all" or out == "-":
        follows = _command("evaluate", run, "--data", data)
    else:
        split = ("--split", before) if before != "test" else ()
        follows = _command("evaluate", "--recs", out, "--data", data, *split)
    return Outcome(
        done=f"{_plural(summary['rows'], 'row')} for {_plural(summary['users'], 'user')}{place}"
        + (f" ({basis})" if basis else ""),
        next_step=follows,
        summary=None if out == "-" else summary,
    )


def exported(summary: Summary) -> Outcome:
    """The outcome of `export`."""
    out = summary["out"]
    return Outcome(
        done=f"vectors of {_plural(summary['items'], 'item')} and "
        f"{_plural(summary['users'], 'user')}, the model for "
        f"{', '.join(summary['function']['platforms'])} → {out}",
        next_step=shlex.join(["python", str(Path(out) / summary["check"]["script"])]),
        summary=summary,
    )


def _best_run(summary: Summary) -> str | None:
    """The run with the highest main figure."""
    figure, view = f"ndcg@{10 if 10 in summary['ks'] else max(summary['ks'])}", summary["headline"]
    runs: Mapping[str, float] = {
        name: system[view][figure] or 0.0
        for name, system in summary["systems"].items()
        if system["kind"] == "run"
    }
    return max(runs, key=lambda name: runs[name], default=None)


def _has_labels(data: Path) -> bool:
    from m6rec_cli.data.manifest import read_manifest

    return read_manifest(data).positive is not None


def _command(*words: str | Path) -> str:
    return shlex.join(["m6rec", *map(str, words)])


def _plural(n: int, noun: str) -> str:
    return f"{n:,} {noun}" + ("" if n == 1 else "s")
