"""Search directories of `m6rec tune`."""

import csv
from pathlib import Path

from m6rec_cli.inspection import lineage
from m6rec_cli.inspection.description import Description, Figure, Table
from m6rec_cli.inspection.json_files import Tree, read_object, table, text, texts, whole
from m6rec_cli.inspection.kinds._base import KINDS
from m6rec_cli.inspection.verification import RecordedDigests
from m6rec_cli.system.output_checks import kind_of

MANIFEST = "search.json"
TRIALS = "trials.csv"
_FIGURES = {"trial": int, "ndcg@10": float, "epochs": int, "best_epoch": int, "seconds": float}
"""Columns of `trials.csv` that hold numbers; after them and `state` come the searched keys."""


def recognises(path: Path) -> bool:
    """Whether it is a search directory."""
    return kind_of(path) == "search"


def describe(path: Path, *, verify: bool) -> Description:
    """Describe a search by its question and trials; it is complete once the default is trained."""
    manifest = read_object(path / MANIFEST)
    trials = _trials(path / TRIALS)
    finished = [trial for trial in trials if trial["state"] == "finished"]
    best = max(finished, key=lambda trial: float(str(trial["ndcg@10"])), default=None)
    prints: list[str | None] = [*texts(manifest, "data_fingerprints")]
    data = texts(manifest, "data")
    prints += [None] * (len(data) - len(prints))
    return Description(
        kind="search",
        path=str(path),
        what="a search for settings",
        complete=any(trial["trial"] == 0 for trial in finished),
        created=text(manifest, "created"),
        command=text(manifest, "command"),
        version=text(table(manifest, "versions"), "m6rec"),
        format=whole(manifest, "format"),
        figures=_figures(trials, best),
        columns=("trials", "ndcg@10", "default ndcg@10", "best trial"),
        inputs=tuple(
            lineage.data_input(name, fingerprint, path, verify=verify)
            for name, fingerprint in zip(data, prints, strict=False)
        ),
        tables=(_trials_table(trials, best),),
        details={"trials": trials, "seed": whole(manifest, "seed")},
    )


def recorded_digests(path: Path) -> RecordedDigests:
    """The digests of the best run's files; the other files change from trial to trial."""
    run = path / "run"
    of_run = KINDS.load("run").recorded_digests(run) if run.is_dir() else RecordedDigests()
    return RecordedDigests(files=of_run.files, manifests=(path / MANIFEST, *of_run.manifests))


def _trials(path: Path) -> list[Tree]:
    """The lines of `trials.csv`, with numbers where there are some."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        return [
            {name: _value(name, cell) for name, cell in row.items()} for row in csv.DictReader(file)
        ]


def _value(name: str, cell: str) -> object:
    kind = _FIGURES.get(name)
    if kind is None:
        return cell
    try:
        return kind(cell)
    except ValueError:
        return None


def _figures(trials: list[Tree], best: Tree | None) -> dict[str, Figure]:
    default = next((trial for trial in trials if trial["trial"] == 0), {})
    seconds = [trial["seconds"] for trial in trials if isinstance(trial["seconds"], float)]
    found: dict[str, object] = {
        "trials": len(trials),
        **{
            state: n
            for state in ("stopped", "failed", "unfinished")
            if (n := sum(trial["state"] == state for trial in trials))
        },
        "ndcg@10": best and best["ndcg@10"],
        "default ndcg@10": default.get("ndcg@10"),
        "best trial": best and best["trial"],
        "seconds": sum(seconds),
    }
    return {k: v for k, v in found.items() if isinstance(v, int | float)}


def _trials_table(trials: list[Tree], best: Tree | None) -> Table:
    shown = ("trial", "state", "ndcg@10", "epochs", "seconds")
    default = next((trial for trial in trials if trial["trial"] == 0), {})
    return Table(
        title="trials, with the figures of the model alone on validation events; settings that "
        "differ from trial 0",
        columns=(*shown, "", "settings"),
        rows=[
            [
                *(trial.get(name) for name in shown),
                "best" if trial is best else "",
                _changes(trial, default),
            ]
            for trial in trials
        ],
    )


def _changes(trial: Tree, default: Tree) -> str:
    """The settings of a trial that differ from the default's, by the ends of their keys."""
    settings = [name for name in trial if name not in _FIGURES and name != "state"]
    ends = [name.rpartition(".")[2] for name in settings]
    return ", ".join(
        f"{name if ends.count(end) > 1 else end}={_short(str(trial[name]))}"
        for name, end in zip(settings, ends, strict=True)
        if default and trial[name] != default.get(name)
    )


def _short(value: str) -> str:
    """A number with three digits; other values as they are."""
    try:
        number = float(value)
    except ValueError:
        return value
    return value if number.is_integer() else f"{number:.3g}"
