"""When checkpoints are saved, which of them are resumable; epoch lines after a resume."""

import json
import shutil

import numpy as np
import pytest
from flax import nnx

from m6rec_cli.execution.layout import Layout
from m6rec_cli.system.checkpoints import StepCheckpoints
from m6rec_cli.training import epoch_log
from m6rec_cli.training.checkpointing import CheckpointWriter, last_resumable_step
from m6rec_cli.training.loop import LoopState, TrainingEvent
from m6rec_cli.training.state import TrainingState


def state_of(step, value):
    """A state whose parameters are all `value`."""
    return TrainingState(
        params=nnx.State({"a": np.full(3, value)}),
        frozen=nnx.State({}),
        discriminator=nnx.State({}),
        optimizer={"m": np.zeros(3)},
        discriminator_optimizer=(),
        content=(),
        step=step,
    )


def save(writer, kind, step, value, *, now, **loop_state):
    """Hand the writer an event whose parameters are all `value`."""
    event = TrainingEvent(
        kind=kind,
        step=step,
        n_steps=1,
        metrics={},
        state=state_of(step, value),
        loop_state=LoopState(**loop_state),
    )
    writer.save_if_due(event, now=now)


def test_last_resumable_step_is_not_one_with_the_best_parameters_alone(tmp_path, parent):
    steps = StepCheckpoints(shutil.copytree(parent, tmp_path / "run") / "steps")
    last = last_resumable_step(steps)
    assert last == steps.sealed()[-1]
    steps.save(last + 1, {"params": steps.read_tree(last, "params")}, {}, keep={last})
    assert (steps.sealed()[-1], last_resumable_step(steps)) == (last + 1, last)


def test_last_resumable_step_is_never_step_zero(tmp_path):
    steps = StepCheckpoints(tmp_path)
    save(CheckpointWriter(steps, Layout(1), 0), "stop", 0, 0.0, now=True)
    assert steps.sealed() == [0]
    assert last_resumable_step(steps) is None


def test_writer_at_the_end_of_an_epoch_already_saved_by_a_stop_updates_its_seal_alone(tmp_path):
    """The only resumable step is never removed before another one is complete."""
    steps = StepCheckpoints(tmp_path)
    save(CheckpointWriter(steps, Layout(1), 1000), "stop", 5, 1.0, now=True, epoch_step=5)
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "5").rglob("*")}
    resumed = CheckpointWriter(steps, Layout(1), 1000)
    save(resumed, "epoch", 5, 1.0, now=False, epoch=1, best_step=5, best_ndcg=0.5)
    assert steps.read_seal(5)["loop_state"]["epoch"] == 0
    save(resumed, "epoch", 10, 2.0, now=True, epoch=2, best_step=5, best_ndcg=0.5)
    assert steps.sealed() == [5, 10]
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "5").rglob("*")} == before
    resumed = CheckpointWriter(steps, Layout(1), 0)
    save(resumed, "epoch", 10, 2.0, now=True, epoch=3, best_step=10, best_ndcg=0.6)
    assert (steps.sealed(), steps.read_seal(10)["loop_state"]["epoch"]) == ([10], 3)
    assert steps.read_tree(10, "params")["a"].tolist() == [2.0] * 3


@pytest.mark.parametrize(("epoch", "n_kept"), [(1, 2), (-1, 0)])
def test_truncate_removes_incomplete_lines_and_those_of_later_epochs(tmp_path, epoch, n_kept):
    lines = [json.dumps({"step": 40 * n, "epoch": n}) + "\n" for n in range(3)]
    (tmp_path / "metrics.jsonl").write_text("".join(lines) + '{"step": 120, "ep')
    epoch_log.truncate(tmp_path, epoch)
    assert (tmp_path / "metrics.jsonl").read_text() == "".join(lines[:n_kept])


def test_truncate_without_a_file_does_nothing(tmp_path):
    epoch_log.truncate(tmp_path / "nothing", 3)
    assert not (tmp_path / "nothing").exists()
