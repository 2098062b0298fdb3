"""Runs that are resumed with larger limits: finished ones train on in a copy."""

import shutil

import pytest

from m6rec_cli.config.resolve import resolve
from m6rec_cli.stages import pretrain
from m6rec_cli.system.errors import M6RecError, Terminated
from m6rec_cli.system.run_manifest import read_run
from m6rec_cli.training import checkpointing
from m6rec_cli.training.loop import LoopState
from m6rec_cli.training.run_directory import is_larger
from tests.training.runs import StopAtStep, epoch_lines


def test_resume_of_a_finished_run_with_more_epochs_trains_on(
    tmp_path, parent, small, report, monkeypatch
):
    """Also if it is stopped meanwhile; the old run stays until the longer one is finished."""
    data, run = parent.parent / "data", shutil.copytree(parent, tmp_path / "run")
    old, config = read_run(run), small("train.epochs=5")
    with monkeypatch.context() as patch:
        reporter = StopAtStep(old.steps + 1, patch)
        with pytest.raises(Terminated):
            pretrain.run(config, data, run, reporter, resume=True)
    assert (read_run(run).epochs, read_run(run).best) == (3, old.best)
    assert any(note.startswith("the run is finished and trains on") for note in reporter.notes)

    summary = pretrain.run(config, data, run, report, resume=True)
    assert summary["epochs"] == 5
    assert summary["steps"] == old.steps // 3 * 5
    assert summary["best"]["ndcg@10"] >= old.best.ndcg
    assert summary["out"] == str(run)
    assert [line["epoch"] for line in epoch_lines(run)] == [0, 1, 2, 3, 4, 5]
    assert epoch_lines(run)[:4] == epoch_lines(parent)
    assert resolve(file=run / "config.toml").train.epochs == 5
    assert not (tmp_path / ".run.next").exists()
    assert read_run(run).epochs == 5


def test_resume_of_an_interrupted_run_with_more_epochs_has_them_all(
    tmp_path, parent, small, report, monkeypatch
):
    data, run = parent.parent / "data", tmp_path / "run"
    with monkeypatch.context() as patch, pytest.raises(Terminated):
        pretrain.run(small(), data, run, StopAtStep(4, patch))
    summary = pretrain.run(small("train.epochs=4"), data, run, report, resume=True)
    assert summary["epochs"] == 4
    assert resolve(file=run / "config.toml").train.epochs == 4


def test_resume_of_a_run_that_validation_ended_needs_more_patience(
    parent, small, report, monkeypatch
):
    found = LoopState(epoch=3, epochs_without_gain=6)
    monkeypatch.setattr(checkpointing, "loop_state_of", lambda steps, step: found)
    with pytest.raises(M6RecError, match="validation ended this run after 6 epochs") as error:
        pretrain.run(small("train.epochs=9"), parent.parent / "data", parent, report, resume=True)
    assert error.value.hint == "raise `train.patience` above 6, too"


@pytest.mark.parametrize(
    ("key", "before", "now", "larger"),
    [
        ("train.epochs", 3, 5, True),
        ("train.epochs", 5, 3, False),
        ("train.epochs", 3, 3, False),
        ("train.max_steps", 100, 0, True),
        ("train.max_steps", 0, 100, False),
        ("train.seed", 3, 5, False),
        ("train.patience", None, 5, False),
    ],
)
def test_larger_limits_are_those_that_allow_more_training(key, before, now, larger):
    assert is_larger(key, before, now) == larger
