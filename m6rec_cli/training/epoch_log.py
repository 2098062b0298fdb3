"""An epoch to a line of the progress output, and a line of `metrics.jsonl` for programs."""

import json
from pathlib import Path

from m6rec_cli.system.directories import atomic_file
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import Reporter
from m6rec_cli.training.loop import TrainingEvent

METRICS = "metrics.jsonl"
_SHOWN = ("loss", "rec_loss", "gen_loss", "discriminator_loss", "ndcg@10", "recall@10")


def append(report: Reporter, out: Path, event: TrainingEvent) -> None:
    """Report an epoch and append it to `metrics.jsonl`."""
    line = {"step": event.step, "epoch": event.loop_state.epoch, **event.metrics}
    with (out / METRICS).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, allow_nan=False) + "\n")
    best = " (best)" if event.loop_state.best_step == event.step else ""
    figures = ", ".join(
        f"{name} {event.metrics[name]:.4f}" for name in _SHOWN if name in event.metrics
    )
    seconds = f", {event.metrics['seconds']:.1f} s" if "seconds" in event.metrics else ""
    report.note(f"epoch {event.loop_state.epoch}: {figures}{seconds}{best}")


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
