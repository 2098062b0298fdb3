"""What a training run tells at the end of an epoch: a line for people, and one of `metrics.jsonl` for programs."""

import json
from pathlib import Path

from m6rec_cli.system.directories import atomic_file
from m6rec_cli.system.progress import Reporter
from m6rec_cli.training.loop import TrainingEvent

METRICS = "metrics.jsonl"
_SHOWN = ("loss", "rec", "gen", "judge", "ndcg@10", "recall@10")


def append(report: Reporter, out: Path, update: TrainingEvent) -> None:
    """Tell of an epoch."""
    line = {"step": update.step, "epoch": update.progress.epoch, **update.metrics}
    with (out / METRICS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, allow_nan=False) + "\n")
    best = " (best)" if update.progress.best_step == update.step else ""
    figures = ", ".join(
        f"{name} {update.metrics[name]:.4f}" for name in _SHOWN if name in update.metrics
    )
    seconds = f", {update.metrics['seconds']:.1f} s" if "seconds" in update.metrics else ""
    report.note(f"epoch {update.progress.epoch}: {figures}{seconds}{best}")


def truncate(out: Path, epoch: int) -> None:
    """Drop the lines of later epochs than `epoch`, which are trained once more; a line that was cut off is one of them."""
    path = out / METRICS
    if not path.exists():
        return
    lines = [
        line
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True)
        if line.endswith("\n")
    ]
    with atomic_file(path, overwrite=True) as work:
        work.write_text(
            "".join(line for line in lines if json.loads(line)["epoch"] <= epoch), encoding="utf-8"
        )
