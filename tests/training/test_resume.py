"""Training that was stopped or killed and then resumed equals the uninterrupted run bit for bit."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from m6rec_cli.stages import finetune, pretrain
from m6rec_cli.system.checkpoints import StepCheckpoints
from m6rec_cli.system.errors import Terminated
from m6rec_cli.training.checkpointing import last_resumable_step
from m6rec_cli.training.stopping import StopCondition
from tests.training.runs import (
    ALL_LOSSES,
    ALL_PARTS,
    StopAtStep,
    assert_same,
    embeddings,
    epoch_lines,
    untimed,
)
from tests.worlds import planted_cycle


def assert_same_training(a, b):
    """Raise unless two runs have the same last checkpoint, embeddings and epoch lines."""
    ours, theirs = StepCheckpoints(a / "steps"), StepCheckpoints(b / "steps")
    last = ours.sealed()[-1]
    assert theirs.sealed()[-1] == last
    assert ours.tree_names(last) == theirs.tree_names(last) >= {"params", "optimizer"}
    for tree in sorted(ours.tree_names(last)):
        assert_same(ours.read_tree(last, tree), theirs.read_tree(last, tree))
    np.testing.assert_array_equal(embeddings(a), embeddings(b))
    assert untimed(epoch_lines(a)) == untimed(epoch_lines(b))


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
def test_resume_in_mid_epoch_equals_the_uninterrupted_run(
    tmp_path, all_losses_run, small, report, monkeypatch, stage
):
    """With a content cache; and with a discriminator, its optimizer and a moving average."""
    data = all_losses_run.parent / "data"

    def train(name, report, **options):
        if stage == "pretrain":
            return pretrain.run(small(*ALL_LOSSES), data, tmp_path / name, report, **options)
        sets = ("train.alpha=0.5", "train.average=0.9", ALL_PARTS)
        config = small(*sets, stage=stage)
        return finetune.run(config, data, all_losses_run, tmp_path / name, report, **options)

    whole = train("whole", report)
    steps_per_epoch = whole["steps"] // whole["epochs"]
    with monkeypatch.context() as patch, pytest.raises(Terminated):
        train("cut", StopAtStep(steps_per_epoch + 1, patch))
    steps = StepCheckpoints(tmp_path / "cut" / "steps")
    step = last_resumable_step(steps)
    assert step is not None
    loop_state = steps.read_seal(step)["loop_state"]
    assert (loop_state["epoch"], loop_state["epoch_step"]) == (1, step - steps_per_epoch)
    assert 0 < loop_state["epoch_step"] < steps_per_epoch
    assert not (tmp_path / "cut" / "run.json").exists()
    report.notes.clear()
    train("cut", report, resume=True)
    assert any(note.startswith(f"resumed at step {step}") for note in report.notes)
    assert_same_training(tmp_path / "whole", tmp_path / "cut")
    report.notes.clear()
    train("cut", report, resume=True)
    assert report.notes == ["the run is already finished; nothing to do"]


def test_resume_within_a_block_of_a_long_log_equals_the_uninterrupted_run(
    tmp_path, parent, small, report, monkeypatch
):
    data = parent.parent / "data"
    config = small("train.events_per_block=70", "train.steps_per_dispatch=1", "train.epochs=2")
    whole = pretrain.run(config, data, tmp_path / "whole", report)
    assert any("are read in blocks of 70" in note for note in report.notes)
    assert whole["steps"] > 5
    with monkeypatch.context() as patch, pytest.raises(Terminated):
        pretrain.run(config, data, tmp_path / "cut", StopAtStep(whole["steps"] - 1, patch))
    pretrain.run(config, data, tmp_path / "cut", report, resume=True)
    assert_same_training(tmp_path / "whole", tmp_path / "cut")


def test_resume_without_a_checkpoint_starts_from_the_beginning(
    tmp_path, parent, small, report, monkeypatch
):
    """The process was killed before its first checkpoint."""
    with monkeypatch.context() as patch, pytest.raises(Terminated):
        pretrain.run(small(), parent.parent / "data", tmp_path / "run", StopAtStep(1, patch))
    for seal in (tmp_path / "run" / "steps").glob("*.json"):
        seal.unlink()
    pretrain.run(small(), parent.parent / "data", tmp_path / "run", report, resume=True)
    assert "there is no checkpoint yet: training starts from the beginning" in report.notes
    assert_same_training(parent, tmp_path / "run")


@pytest.mark.parametrize(
    ("step", "told"), [(0, "stopped before the first step"), (1234, "saved at step 1,234")]
)
def test_stopped_training_says_how_to_go_on(report, step, told):
    with pytest.raises(Terminated):
        StopCondition(None).end(step, report)
    assert report.notes == [f"{told}: continue with the same command and `--resume`"]


def test_resume_after_the_time_limit_equals_the_uninterrupted_run(tmp_path, parent, small, report):
    """Each command does at least one dispatch, however short its time."""
    data, run = parent.parent / "data", tmp_path / "run"
    steps = []
    for _ in range(2):
        with pytest.raises(Terminated) as end:
            pretrain.run(small(), data, run, report, max_seconds=1e-3, resume=True)
        assert end.value.exit_code == 124
        steps.append(last_resumable_step(StepCheckpoints(run / "steps")))
    assert 0 < steps[0] < steps[1]
    assert not (run / "run.json").exists()
    pretrain.run(small(), data, run, report, resume=True, max_seconds=3600)
    assert_same_training(parent, run)


def command(data, run, *options):
    """The command line of a pre-training run with many short steps."""
    sets = [
        "model.width=16",
        "model.decoder.layers=1",
        "train.batch_targets=64",
        "train.steps_per_dispatch=1",
        "train.epochs=6",
        "train.patience=20",
    ]
    words = [sys.executable, "-m", "m6rec_cli", "pretrain", data, "--out", run, *options]
    return [*map(str, words), *(word for s in sets for word in ("--set", s))]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """A run of the command, beside its data, trace and output."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    data = planted_cycle(folder / "data", n_users=400, n_items=40, length=12).path
    words = command(data, folder / "whole", "--profile", folder / "trace")
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    (folder / "summary.json").write_text(done.stdout)
    (folder / "stderr.txt").write_text(done.stderr)
    return folder / "whole"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "seconds"),
    [(signal.SIGKILL, 0), (signal.SIGTERM, 1000)],
    ids=["killed", "terminated"],
)
def test_resume_after_a_signal_equals_the_uninterrupted_run(
    tmp_path, uninterrupted, number, seconds
):
    """A killed run resumes from its last checkpoint; a terminated one saves before it ends."""
    data, cut = uninterrupted.parent / "data", tmp_path / "cut"
    process = subprocess.Popen(
        command(data, cut, "--set", f"train.checkpoint_seconds={seconds}"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    steps, log = StepCheckpoints(cut / "steps"), cut / "metrics.jsonl"

    def is_under_way():
        if seconds == 0:
            return any(step > 0 for step in steps.sealed())
        return log.exists() and log.read_text().count("\n") > 1

    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not is_under_way():
        time.sleep(0.02)
    os.kill(process.pid, number)
    assert process.wait() == (143 if number == signal.SIGTERM else -signal.SIGKILL)
    assert not (cut / "run.json").exists()
    words = command(data, cut, "--resume")
    resumed = subprocess.run(words, check=True, capture_output=True, text=True)
    assert "resumed at step" in resumed.stderr
    assert_same_training(uninterrupted, cut)


@pytest.mark.slow
def test_profile_writes_a_trace_and_the_summary_has_the_cost_of_training(uninterrupted):
    folder = uninterrupted.parent
    assert list((folder / "trace").rglob("*.xplane.pb"))
    assert f"trace of dispatches 3 to 5: {folder / 'trace'}" in (folder / "stderr.txt").read_text()
    summary = json.loads((folder / "summary.json").read_text())
    for name in (
        "events_per_second",
        "median_step_seconds",
        "compile_seconds",
        "step_flops",
        "peak_host_bytes",
    ):
        assert summary[name] > 0, name
