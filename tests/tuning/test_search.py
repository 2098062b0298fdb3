"""A search for settings: its trials, its best run, what it never reads, how it is resumed."""

import shutil

import polars as pl
import pytest

from m6rec_cli.config import resolve as configuration
from m6rec_cli.data.format import SPLITS
from m6rec_cli.data.store import Dataset
from m6rec_cli.inspection.inspector import inspect
from m6rec_cli.stages import pretrain
from m6rec_cli.system.errors import M6RecError, Terminated
from m6rec_cli.system.run_manifest import read_run
from tests.seals import reseal
from tests.training.runs import StopAtStep, assert_same, best_params, embeddings
from tests.tuning.searches import rows, untimed


def test_search_tries_the_default_first_and_keeps_the_best(finished):
    search, summary = finished
    trials = rows(search.out)
    assert [row["trial"] for row in trials] == ["0", "1", "2"]
    assert {row["state"] for row in trials} <= {"finished", "stopped"}
    assert (trials[0]["train.learning_rate"], trials[0]["state"]) == ("0.0015", "finished")
    keys = ("train.learning_rate", "train.loss.tail_exponent")
    assert len({tuple(row[key] for key in keys) for row in trials}) == 3
    figures = [float(row["ndcg@10"]) for row in trials if row["state"] == "finished"]
    best = summary["best"]
    assert best["ndcg@10"] == max(figures) >= figures[0] == summary["default"]["ndcg@10"]
    assert summary["gain"] == best["ndcg@10"] - figures[0]
    assert read_run(search.out / "run").best.ndcg == best["ndcg@10"]
    assert read_run(search.out / "run").out == str(search.out / "run")
    assert list((search.out / "trials").iterdir()) == []


def test_pretraining_with_the_best_settings_gives_the_same_run(finished, tmp_path, report):
    search, _ = finished
    config = configuration.resolve("pretrain", file=search.out / "best.toml")
    pretrain.run(config, search.data, tmp_path / "run", report)
    assert_same(best_params(search.out / "run"), best_params(tmp_path / "run"))
    assert (embeddings(search.out / "run") == embeddings(tmp_path / "run")).all()


def test_search_without_the_test_events_finds_the_same(finished, tmp_path, monkeypatch):
    """Nothing of the search depends on test events: there are none to read."""
    search, summary = finished
    data = tmp_path / "data"
    shutil.copytree(search.data, data)
    parts = sorted((data / "events").iterdir())
    n_test = 0
    for part in parts:
        events = pl.read_parquet(part)
        known = events.filter(pl.col("split") != SPLITS.index("test"))
        n_test += len(events) - len(known)
        known.write_parquet(part)
    assert n_test == len(Dataset.open(search.data).truth("test")) > 0
    reseal(data)
    truth = Dataset.truth

    def only_validation(self: Dataset, split: str):
        assert split == "valid"
        return truth(self, split)

    monkeypatch.setattr(Dataset, "truth", only_validation)
    found = search.to(tmp_path / "search", data).run(max_trials=2)
    assert untimed(tmp_path / "search") == untimed(search.out)[:2]
    if found["best"]["trial"] == summary["best"]["trial"]:
        assert_same(best_params(search.out / "run"), best_params(tmp_path / "search" / "run"))


def test_interrupted_trial_goes_on_and_finds_the_same(finished, tmp_path, report, monkeypatch):
    search, _ = finished
    cut = search.to(tmp_path / "cut")
    with monkeypatch.context() as patch, pytest.raises(Terminated):
        cut.run(StopAtStep(1, patch))
    assert [row["state"] for row in rows(cut.out)] == ["unfinished"]
    cut.run(report, resume=True, max_trials=1)
    assert untimed(cut.out) == untimed(search.out)[:1]
    first = read_run(cut.out / "run")
    assert first.best.ndcg == float(rows(search.out)[0]["ndcg@10"])


def test_resume_of_a_search_refuses_another_question(finished):
    search, _ = finished
    with pytest.raises(M6RecError, match="has `--seed 0`"):
        search.run(resume=True, seed=1)
    with pytest.raises(M6RecError, match=r"other settings: `train\.patience` differs"):
        search.run(resume=True, sets=["train.patience=9"])
    with pytest.raises(M6RecError, match=r"other settings: `train\.loss\.tail_exponent` differs"):
        search.run(resume=True, space="[train]\nlearning_rate={low=0.001, high=0.2, log=true}")
    with pytest.raises(M6RecError, match="the output directory is not empty") as caught:
        search.run()
    assert "continue with `--resume`" in str(caught.value.hint)


def test_finished_search_needs_nothing(finished, tmp_path):
    search, summary = finished
    shutil.copytree(search.out, tmp_path / "search")
    again = search.to(tmp_path / "search").run(resume=True)
    assert again["best"] == summary["best"]
    assert untimed(tmp_path / "search") == untimed(search.out)


def test_data_without_validation_events_are_refused(finished, tmp_path):
    search = finished[0]
    shutil.copytree(search.data, tmp_path / "data")
    manifest = Dataset.open(search.data).manifest
    counts = {**vars(manifest.counts), "targets": {"valid": 0, "test": 48}}
    reseal(tmp_path / "data", counts=counts)
    with pytest.raises(M6RecError, match="the data hold out no validation events"):
        search.to(tmp_path / "search", tmp_path / "data").run()


def test_inspection_of_a_search_shows_its_trials(finished):
    search, summary = finished
    found = inspect(search.out)
    assert (found.kind, found.complete) == ("search", True)
    assert found.figures["ndcg@10"] == summary["best"]["ndcg@10"]
    assert found.figures["trials"] == 3
    assert [row[0] for row in found.tables[0].rows] == [0, 1, 2]
    assert [i.role for i in found.inputs] == ["data"]
    assert inspect(search.out, verify=True).problems == ()
