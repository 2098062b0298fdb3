"""An epoch to a line of a table for people, and a line of `metrics.jsonl` for programs."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from m6rec_cli.system.directories import atomic_file
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import Reporter
from m6rec_cli.system.run_manifest import METRICS
from m6rec_cli.system.shown_text import duration
from m6rec_cli.training.loop import TrainingEvent

_LEFT_OUT = ("disc", "gen", "rec", "recall@10")
"""Columns that a narrow terminal has no room for, the first of them first."""


@dataclass(frozen=True)
class _Column:
    heading: str
    width: int
    text: Callable[[TrainingEvent], str]


class EpochTable:
    """Reports a line per epoch below a heading, and appends it to `metrics.jsonl`."""

    def __init__(self, report: Reporter, out: Path, epochs: int, *, is_adversarial: bool):
        """Choose the columns that the terminal has room for; nothing is reported yet."""
        self._report, self._file, self._epochs = report, out / METRICS, epochs
        self._columns = _fitting(_columns(epochs, is_adversarial), report.width)
        self._has_heading = False

    def append(self, event: TrainingEvent) -> None:
        """Report an epoch that has ended."""
        epoch, metrics = event.loop_state.epoch, event.metrics
        facts = {"step": event.step, "epoch": epoch, **metrics}
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(facts, allow_nan=False) + "\n")
        if not self._has_heading:
            heading = self._line(column.heading for column in self._columns)
            self._report.event("training", heading, epochs=self._epochs)
            self._has_heading = True
        line = self._line(column.text(event) for column in self._columns)
        self._report.event("epoch", line, **facts, epochs=self._epochs, best=_is_best(event))

    def _line(self, cells: Iterable[str]) -> str:
        columns = zip(cells, self._columns, strict=True)
        return "  ".join(cell.rjust(column.width) for cell, column in columns).rstrip()


def _is_best(event: TrainingEvent) -> bool:
    """Whether validation found no better epoch before."""
    return "ndcg@10" in event.metrics and event.loop_state.best_step == event.step


def _columns(epochs: int, is_adversarial: bool) -> list[_Column]:
    """All columns. Without the discriminator the loss is the only one that is worth showing."""
    n = len(str(epochs))
    parts = {"rec": "rec_loss", "gen": "gen_loss", "disc": "discriminator_loss"}
    return [
        _Column("epoch", max(5, 2 * n + 1), lambda event: f"{event.loop_state.epoch}/{epochs}"),
        _figure("loss", "loss"),
        *(_figure(heading, key) for heading, key in parts.items() if is_adversarial),
        _figure("ndcg@10", "ndcg@10"),
        _figure("recall@10", "recall@10"),
        _Column("time", 10, lambda event: _time(event.metrics)),
        _Column("", 4, lambda event: "best" if _is_best(event) else ""),
    ]


def _figure(heading: str, key: str) -> _Column:
    def text(event: TrainingEvent) -> str:
        value = event.metrics.get(key)
        return "-" if value is None else f"{value:.4f}"

    return _Column(heading, max(7, len(heading)), text)


def _time(metrics: Mapping[str, float]) -> str:
    return duration(metrics["seconds"]) if "seconds" in metrics else "-"


def _fitting(columns: list[_Column], width: int | None) -> list[_Column]:
    """The columns without those that a narrow terminal has no room for."""
    for heading in _LEFT_OUT:
        if width is None or sum(column.width + 2 for column in columns) - 2 <= width:
            break
        columns = [column for column in columns if column.heading != heading]
    return columns


def truncate(out: Path, epoch: int) -> None:
    """Remove incomplete lines and those of epochs after `epoch`, which are trained again."""
    path = out / METRICS
    if not path.exists():
        return
    lines = [
        line
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
        if line.endswith("\n")
    ]
    try:
        kept = "".join(line for line in lines if json.loads(line)["epoch"] <= epoch)
    except (ValueError, LookupError, TypeError, RecursionError):
        raise M6RecError(
            "the metrics of the run to resume are damaged",
            where=str(path),
            hint="remove the file: training goes on without the lines of earlier epochs",
        ) from None
    with atomic_file(path, overwrite=True) as work:
        work.write_text(kept, encoding="utf-8")
