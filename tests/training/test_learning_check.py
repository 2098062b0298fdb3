"""Training that learned nothing, or lost its parameters, says so and keeps what was good."""

from dataclasses import replace

import numpy as np
import pytest

from m6rec_cli.config import resolve as configuration
from m6rec_cli.config.settings import TrainConfig
from m6rec_cli.data.store import Dataset
from m6rec_cli.stages import finetune, pretrain
from m6rec_cli.system.checkpoints import StepCheckpoints
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from m6rec_cli.system.run_manifest import read_run
from m6rec_cli.training.learning_check import (
    note_early_end,
    note_nothing_to_tune,
    warn_if_nothing_learned,
    warn_of_other_items,
)
from m6rec_cli.training.loop import LoopState
from m6rec_cli.training.optimizer import Schedule
from tests.small import SMALL
from tests.training.runs import assert_same, params
from tests.worlds import planted_cycle

VALIDATED = {"best_ndcg": 0.25, "first_loss": 3.0, "last_loss": 2.0}
UNVALIDATED = {"epoch": 2, "best_step": 8, "best_epoch": 2, "first_loss": 3.0}


@pytest.mark.parametrize(
    ("facts", "rate", "found"),
    [
        (VALIDATED | {"epoch": 3}, 0.1, "than the untrained model (0.2500), so the run keeps the"),
        (VALIDATED | {"epoch": 3, "best_step": 4}, 0.1, None),
        (VALIDATED | {"epoch": 0}, 0.1, None),
        (UNVALIDATED | {"last_loss": 3.5}, 0.1, "the loss went from 3.0000 in the first epoch to"),
        (UNVALIDATED | {"last_loss": 2.5}, 0.1, None),
        (UNVALIDATED | {"last_loss": 2.5}, 1e-300, "steps vanish in single precision"),
        (UNVALIDATED | {"last_loss": 3.0, "epoch": 1}, 0.1, None),
    ],
)
def test_training_that_is_not_better_than_its_start_is_a_warning(facts, rate, found):
    report = SilentReporter()
    config = TrainConfig(learning_rate=rate)
    warn_if_nothing_learned(config, LoopState(**facts), report, has_parent=False)
    assert len(report.warnings) == (found is not None)
    for warning in report.warnings:
        assert warning.startswith("training learned nothing: ")
        assert found in warning
        assert f"it is {rate:g}, the default 0.0015" in warning


@pytest.mark.parametrize(("epoch", "without_gain", "is_told"), [(5, 3, True), (5, 2, False)])
def test_training_that_ends_before_its_last_epoch_says_why(epoch, without_gain, is_told):
    report = SilentReporter()
    config = TrainConfig(patience=3, epochs=8)
    note_early_end(config, LoopState(epoch=epoch, epochs_without_gain=without_gain), report)
    told = "no better epoch in 3: training ends early (`train.patience`)"
    assert report.notes == [told] * is_told


def test_training_whose_last_epoch_is_not_better_says_nothing():
    report = SilentReporter()
    config = TrainConfig(patience=3, epochs=8)
    note_early_end(config, LoopState(epoch=8, epochs_without_gain=3), report)
    assert report.notes == []


def test_warning_of_a_generator_that_learned_nothing_names_the_other_parts():
    report = SilentReporter()
    config = TrainConfig(trainable=["generator"])
    warn_if_nothing_learned(config, LoopState(**VALIDATED, epoch=3), report, has_parent=True)
    (warning,) = report.warnings
    assert "so the run keeps its parent. Pre-training has read the labelled events" in warning
    assert "the parent is as good. Try another" in warning
    assert "it is the default, 0.0015. Or let more of the model learn than the gen" in warning


@pytest.fixture(scope="module")
def of_one_kind(tmp_path_factory):
    """A run pre-trained on a log of one kind of event, beside its `data`."""
    folder = tmp_path_factory.mktemp("of_one_kind")
    planted_cycle(folder / "data", n_users=16)
    config = configuration.resolve("pretrain", sets=[*SMALL, "train.epochs=1"])
    pretrain.run(config, folder / "data", folder / "run", SilentReporter())
    return folder / "run"


def notes_of_tuning(run, path, *sets, **facts):
    """The notes on fine-tuning a run on data whose manifest says `facts`."""
    report = SilentReporter()
    data, config = Dataset.open(path), configuration.resolve("finetune", sets=sets)
    data = replace(data, manifest=replace(data.manifest, **facts))
    note_nothing_to_tune(config.train, data, read_run(run), report)
    return report.notes


def test_finetune_on_what_the_parent_has_learned_says_so(of_one_kind, small, tmp_path, report):
    finetune.run(
        small("train.epochs=1", stage="finetune"),
        of_one_kind.parent / "data",
        of_one_kind,
        tmp_path / "tuned",
        report,
    )
    (note,) = (note for note in report.notes if note.startswith("nothing to tune"))
    assert "all training events are labelled alike" in note
    assert "`m6rec preprocess --positive`" in note


@pytest.mark.parametrize("sets", [["train.alpha=0.5"], ["train.future_targets=3"]])
def test_finetune_by_another_loss_has_something_to_learn(of_one_kind, sets):
    data = of_one_kind.parent / "data"
    assert len(notes_of_tuning(of_one_kind, data)) == 1
    assert notes_of_tuning(of_one_kind, data, *sets) == []


@pytest.mark.parametrize("facts", [{"positive": "rating >= 4"}, {"schema": {"weight": "stars"}}])
def test_finetune_on_labels_or_weights_has_something_to_learn(of_one_kind, facts):
    assert notes_of_tuning(of_one_kind, of_one_kind.parent / "data", **facts) == []


def test_finetune_on_labels_of_another_domain_has_something_to_learn(of_one_kind):
    data = of_one_kind.parent / "data"
    counts = Dataset.open(data).manifest.counts
    fewer = replace(counts, targets={**counts.targets, "valid": counts.targets["valid"] - 1})
    assert notes_of_tuning(of_one_kind, data, counts=fewer) == []


def test_finetune_on_other_data_has_something_to_learn(of_one_kind, tmp_path):
    other = planted_cycle(tmp_path / "other", n_users=12)
    assert notes_of_tuning(of_one_kind, other.path) == []


@pytest.mark.parametrize(
    ("sets", "n_learned", "is_told"),
    [([], 3, True), ([], 4, False), (['train.trainable=["generator", "decoder"]'], 0, False)],
)
def test_finetune_of_the_generator_alone_in_another_shop_is_a_warning(
    report, sets, n_learned, is_told
):
    config = configuration.resolve("finetune", sets=sets)
    warn_of_other_items(config.train, n_learned, 8, report)
    assert len(report.warnings) == is_told
    if is_told:
        assert "the parent has learned 3 of the 8 items" in report.warnings[0]


def test_finetune_counts_the_items_that_its_parent_has_learned(of_one_kind, tmp_path, report):
    other = planted_cycle(tmp_path / "other", n_users=40, n_items=30).path
    config = configuration.resolve("finetune", sets=[*SMALL, "train.epochs=1"])
    finetune.run(config, other, of_one_kind, tmp_path / "tuned", report)
    assert any("the parent has learned 12 of the 30 items" in text for text in report.warnings)


@pytest.mark.parametrize("split", ["leave-one-out", "none"])
def test_pretrain_with_a_learning_rate_of_0_warns(tmp_path, small, report, split):
    data = planted_cycle(tmp_path / "data", n_users=16, split=split)
    pretrain.run(small("train.learning_rate=0"), data.path, tmp_path / "run", report)
    assert sum("training learned nothing" in warning for warning in report.warnings) == 1


def test_nonfinite_loss_keeps_the_last_good_checkpoint(tmp_path, small, report, monkeypatch):
    data = planted_cycle(tmp_path / "data", n_users=48)
    config = small("train.checkpoint_seconds=0", "train.epochs=3")
    whole = pretrain.run(config, data.path, tmp_path / "whole", report)
    first_epoch = whole["steps"] // whole["epochs"]
    rates = Schedule.rates
    monkeypatch.setattr(
        Schedule,
        "rates",
        lambda self, first, n: rates(self, first, n) * np.where(first < first_epoch, 1, np.inf),
    )
    with pytest.raises(M6RecError, match="not finite"):
        pretrain.run(config, data.path, tmp_path / "run", report)
    steps = StepCheckpoints(tmp_path / "run" / "steps")
    assert steps.sealed()[-1] == first_epoch
    assert all(np.isfinite(x).all() for x in params(tmp_path / "run", first_epoch).values())
    monkeypatch.undo()
    again = pretrain.run(config, data.path, tmp_path / "run", report, resume=True)
    assert again["steps"] == whole["steps"]
    assert_same(params(tmp_path / "run"), params(tmp_path / "whole"))


def test_nonfinite_parameters_without_validation_are_an_error(tmp_path, small, report, monkeypatch):
    """The loss of the last step is computed before its update, and so is finite."""
    data = planted_cycle(tmp_path / "data", n_users=16, split="none")
    config = small("train.max_steps=2")
    monkeypatch.setattr(Schedule, "rates", lambda *_: np.array([0.001, np.inf], np.float32))
    with pytest.raises(M6RecError, match="the parameters are not finite after step 2"):
        pretrain.run(config, data.path, tmp_path / "run", report)
    assert not (tmp_path / "run" / "run.json").exists()
