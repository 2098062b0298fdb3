"""The scorer for `evaluate` gives the scores that lists are made from."""

import dataclasses

import numpy as np
import polars as pl
import pytest

from m6rec_cli.config.resolve import resolve
from m6rec_cli.data.store import Dataset
from m6rec_cli.inference import model_scorer
from m6rec_cli.inference.current_evidence import with_known_events
from m6rec_cli.inference.model_scorer import ModelScorer, load_scorer
from m6rec_cli.inference.ranked_lists import ListMaker
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.system.progress import SilentReporter
from tests.devices import use_defaults
from tests.inference.test_ranking_terms import WEIGHTS
from tests.inference.test_scores import noisy_run
from tests.inference.trained import shop

__all__ = ["shop"]


def full_lists(run, histories, rows, settings):
    """Lists of the whole catalogue as one frame."""
    settings = dataclasses.replace(settings, k=40, seen="keep")
    allowed = np.ones(40, bool)
    lists = ListMaker(config=settings, run=run, histories=histories, allowed=allowed)
    ((_, frame),) = lists.frames(rows)
    return frame


def test_score_with_noise_draws_equals_the_lists(shop):
    config = resolve(sets=["recommend.noise_draws=3", "train.seed=99"])
    run = noisy_run(shop.loaded)
    histories = UserHistories.of_dataset(run, Dataset.open(shop.data), "all")
    rows = np.array([3, 60, 12])
    scores = ModelScorer(run, histories, config).score(rows)
    frame = full_lists(run, histories, rows, config.recommend)
    for place, row in enumerate(rows):
        mine = frame.filter(pl.col("user_id") == histories.ids[int(row)])
        at = [int(i) - 100 for i in mine["item_id"]]
        np.testing.assert_allclose(scores[place][at], mine["score"], atol=1e-4)


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
def test_score_by_logits_orders_items_as_the_lists_do(shop, monkeypatch, backend):
    """On a CPU numpy multiplies, elsewhere the device does."""
    use_defaults(monkeypatch, backend)
    config = resolve(sets=["recommend.cold_item_bonus=0.7"])
    catalogue = shop.loaded.catalogue
    assert catalogue.is_cold.any()
    catalogue = dataclasses.replace(catalogue, ranking=WEIGHTS)
    run = dataclasses.replace(shop.loaded, catalogue=catalogue)
    histories = UserHistories.of_dataset(run, Dataset.open(shop.data), "all")
    run = with_known_events(run, config.recommend, histories.events)
    histories = dataclasses.replace(histories, run=run)
    rows = np.array([3, 60, 12])
    scores = ModelScorer(run, histories, config).score(rows)
    assert scores.dtype == np.float32
    assert scores.flags.writeable
    frame = full_lists(run, histories, rows, config.recommend)
    for place, row in enumerate(rows):
        mine = frame.filter(pl.col("user_id") == histories.ids[int(row)])
        at = [int(i) - 100 for i in mine["item_id"]]
        # Log-probabilities are logits up to a constant per user.
        difference = scores[place][at] - mine["score"].to_numpy()
        np.testing.assert_allclose(difference, difference[0], atol=1e-4)


def test_score_ahead_equals_score_without_reading_ahead(shop, monkeypatch):
    histories = UserHistories.of_dataset(shop.loaded, Dataset.open(shop.data), "all")
    users = np.sort(np.random.default_rng(0).choice(len(histories.ids), 30, replace=False))
    monkeypatch.setattr(model_scorer, "READ_AHEAD", 7)
    ahead = ModelScorer(shop.loaded, histories, resolve(), users)
    plain = ModelScorer(shop.loaded, histories, resolve())
    for start in (0, 4, 8, 16, 24, 2):  # across the edges of what was read, and back
        rows = users[start : start + 6]
        np.testing.assert_allclose(ahead.score(rows), plain.score(rows), atol=1e-5)


def test_load_scorer_over_other_data_warns(shop):
    report = SilentReporter()
    data = Dataset.open(shop.data)
    scorer = load_scorer(shop.run, data, "test", resolve(), report)
    assert report.warnings == []
    assert scorer.score(np.array([0, 5])).shape == (2, 40)
    manifest = dataclasses.replace(data.manifest, fingerprints=("x",))
    other = dataclasses.replace(data, manifest=manifest)
    load_scorer(shop.run, other, "test", resolve(), report)
    assert "the run was trained on other data" in report.warnings[0]
