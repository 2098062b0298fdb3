"""What several tests of training look at in a run directory, and a reporter that stops training."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from m6rec_cli.data.store import Dataset
from m6rec_cli.system import signals
from m6rec_cli.system.checkpoints import StepCheckpoints
from m6rec_cli.system.progress import SilentReporter
from m6rec_cli.system.run_manifest import read_run

ALL_LOSSES = (
    "train.loss.reconstruction=0.1",
    "train.loss.contrast=0.1",
    "model.encoder.refresh_rows=4",
)
ALL_PARTS = 'train.trainable=["encoder", "decoder", "generator"]'


def params(run: Path, step: int | None = None) -> dict[str, np.ndarray]:
    """The parameters at `step`, by default the last one saved."""
    steps = StepCheckpoints(run / "steps")
    return steps.read_tree(step if step is not None else steps.sealed()[-1], "params")


def best_params(run: Path) -> dict[str, np.ndarray]:
    """The parameters at the best step."""
    return params(run, read_run(run).best.step)


def epoch_lines(run: Path) -> list[dict[str, Any]]:
    """The lines of `metrics.jsonl`."""
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def untimed(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines of `metrics.jsonl` without durations and speeds."""
    return [{k: v for k, v in line.items() if "second" not in k} for line in lines]


def is_warm(run: Path) -> np.ndarray:
    """bool (i, 1), the items with training events in the data beside a run."""
    return (Dataset.open(run.parent / "data").items["popularity"].to_numpy() > 0)[:, None]


def embeddings(run: Path) -> np.ndarray:
    """The embeddings of the catalogue."""
    return np.load(run / "catalogue" / "embeddings.npy")


def assert_same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> None:
    """Raise unless two trees of arrays are equal bit for bit."""
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


class StopAtStep(SilentReporter):
    """A reporter; when training reports `step`, `signals.stop_requested` becomes true."""

    def __init__(self, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.reached = False
        self._step = step
        monkeypatch.setattr(signals, "stop_requested", lambda: self.reached)

    @contextmanager
    def task(
        self, name: str, total: float | None = None, unit: str = "", first: str = ""
    ) -> Iterator["StopAtStep"]:
        """A task that watches the steps."""
        yield self

    def advance(self, n: float = 1, **fields: Any) -> None:
        """Request the stop at the step."""
        self.reached |= fields.get("step", 0) >= self._step
