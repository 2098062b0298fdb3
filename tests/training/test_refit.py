"""`pretrain --refit` repeats a training on training and validation events together."""

import dataclasses
import shutil

import numpy as np
import polars as pl
import pytest

from m6rec_cli.config import resolve as configuration
from m6rec_cli.data.format import TRAIN, VALID
from m6rec_cli.data.refit_data import with_validation_events
from m6rec_cli.data.store import Dataset
from m6rec_cli.inference.model_scorer import load_scorer
from m6rec_cli.stages import finetune, pretrain
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from m6rec_cli.system.run_manifest import CONFIG, read_run, write_run
from tests.seals import reseal
from tests.small import SMALL
from tests.training.runs import assert_same, best_params, epoch_lines, params
from tests.worlds import planted_cycle


def refit(run, data, out, report, *, resume=False):
    """Repeat the training of a run as `pretrain --refit` does."""
    config = pretrain.refit_config(run)
    return pretrain.run(config, data, out, report, refit_of=run, resume=resume)


@pytest.fixture(scope="module")
def first_run(tmp_path_factory):
    """A pre-trained run that found something, beside its `data`."""
    folder = tmp_path_factory.mktemp("first")
    data = planted_cycle(folder / "data")
    config = configuration.resolve("pretrain", sets=[*SMALL, "train.learning_rate=0.01"])
    pretrain.run(config, data.path, folder / "run", SilentReporter())
    return folder / "run"


@pytest.fixture(scope="module")
def refitted(first_run):
    """A refit of it."""
    out = first_run.parent / "refitted"
    refit(first_run, first_run.parent / "data", out, SilentReporter())
    return out


def test_with_validation_events_moves_them_to_training_and_counts_them(first_run):
    data = Dataset.open(first_run.parent / "data")
    joined = with_validation_events(data)
    was_valid = data.events.split == VALID
    assert was_valid.any()
    assert (joined.events.split[was_valid] == TRAIN).all()
    np.testing.assert_array_equal(joined.events.split[~was_valid], data.events.split[~was_valid])
    assert len(joined.truth("valid")) == 0
    expected = np.bincount(data.events.item_row[data.events.split <= VALID], minlength=data.n_items)
    assert joined.items["popularity"].to_list() == expected.tolist()


def test_refit_trains_the_best_number_of_epochs_on_more_events(first_run, refitted):
    first, second = read_run(first_run), read_run(refitted)
    assert (second.stage, second.parent) == ("refit", str(first_run))
    assert second.epochs == second.best.epoch == first.best.epoch
    assert second.best.ndcg is None
    line, before = epoch_lines(refitted)[-1], epoch_lines(first_run)[1]
    n_more = len(Dataset.open(first_run.parent / "data").truth("valid"))
    steps = second.steps / second.epochs
    trained = line["targets"] * steps - before["targets"] * first.steps / first.epochs
    assert trained == pytest.approx(n_more)


def test_refit_serves_new_counts_and_the_ranking_weights_of_its_run(first_run, refitted):
    known = with_validation_events(Dataset.open(first_run.parent / "data"))
    items = pl.read_parquet(refitted / "catalogue" / "items.parquet")
    assert items["popularity"].to_list() == known.items["popularity"].to_list()
    texts = [(run / "catalogue" / "ranking.json").read_text() for run in (first_run, refitted)]
    assert texts[0] == texts[1]
    assert (first_run / CONFIG).read_text() == (refitted / CONFIG).read_text()


def test_refit_again_gives_the_same_parameters_and_resume_finds_it_finished(
    tmp_path, first_run, refitted, report
):
    data = first_run.parent / "data"
    refit(first_run, data, tmp_path / "again", report)
    assert_same(best_params(refitted), params(tmp_path / "again"))
    refit(first_run, data, tmp_path / "again", report, resume=True)
    assert "the run is already finished; nothing to do" in report.notes


def test_evaluate_refuses_the_validation_events_of_a_refit(first_run, refitted, report):
    data = Dataset.open(first_run.parent / "data")
    config = configuration.resolve("evaluate")
    load_scorer(refitted, data, "test", config, report)
    with pytest.raises(M6RecError, match="has learned the validation events"):
        load_scorer(refitted, data, "valid", config, report)


def test_finetune_refuses_a_refit_of_the_same_data(tmp_path, first_run, refitted, small, report):
    with pytest.raises(M6RecError, match="has learned the validation events"):
        finetune.run(
            small(stage="finetune"), first_run.parent / "data", refitted, tmp_path / "tuned", report
        )
    assert not (tmp_path / "tuned").exists()


def test_refit_of_a_refit_and_of_an_untrained_run_is_refused(tmp_path, first_run, refitted, report):
    data = first_run.parent / "data"
    with pytest.raises(M6RecError, match="this run is by `refit`"):
        refit(refitted, data, tmp_path / "out", report)
    untrained = shutil.copytree(first_run, tmp_path / "untrained")
    manifest = read_run(untrained)
    best = dataclasses.replace(manifest.best, step=0, epoch=0)
    write_run(untrained, dataclasses.replace(manifest, best=best))
    with pytest.raises(M6RecError, match="nothing to repeat"):
        refit(untrained, data, tmp_path / "out", report)


def test_refit_on_other_data_is_refused(tmp_path, first_run, report):
    other = shutil.copytree(first_run.parent / "data", tmp_path / "data")
    reseal(other, fingerprints=["0" * 64])
    with pytest.raises(M6RecError, match="was trained on other data"):
        refit(first_run, other, tmp_path / "out", report)
