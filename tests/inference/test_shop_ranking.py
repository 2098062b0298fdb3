"""Ranking weights of a shop that a run was not trained on, and of its own shop."""

import dataclasses

from m6rec_cli.config.settings import RecommendConfig
from m6rec_cli.data.store import Dataset
from m6rec_cli.inference import shop_ranking
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.ranking import fit
from m6rec_cli.system.progress import SilentReporter
from tests.inference.trained import shop

__all__ = ["shop"]


def histories_of(shop, *, is_other_shop):
    catalogue = dataclasses.replace(shop.loaded.catalogue, is_other_shop=is_other_shop)
    run = dataclasses.replace(shop.loaded, catalogue=catalogue)
    return UserHistories.of_dataset(run, Dataset.open(shop.data), "test")


def test_with_current_ranking_learns_the_weights_of_another_shop(shop):
    report = SilentReporter()
    found = shop_ranking.with_current_ranking(
        histories_of(shop, is_other_shop=True), RecommendConfig(), report
    )
    assert any(note.startswith("ranking of the lists: ") for note in report.notes)
    # The graph of the lists knows the last events too.
    events = found.events
    assert found.run.catalogue.events.sum() >= len(events)
    again = shop_ranking.with_current_ranking(
        histories_of(shop, is_other_shop=True), RecommendConfig(), report
    )
    assert again.run.catalogue.ranking == found.run.catalogue.ranking


def test_with_current_ranking_of_the_own_shop_keeps_the_weights_of_the_run(shop):
    report = SilentReporter()
    histories = histories_of(shop, is_other_shop=False)
    found = shop_ranking.with_current_ranking(histories, RecommendConfig(), report)
    assert found.run.catalogue.ranking == shop.loaded.catalogue.ranking
    assert not report.notes


def test_learn_of_too_few_events_does_without_the_model(shop):
    histories = histories_of(shop, is_other_shop=True)
    few = histories.events.take(histories.events.user_row < 10)
    found = shop_ranking.learn(dataclasses.replace(histories, events=few), RecommendConfig())
    assert not found.is_learned
    assert found.weights == fit.WITHOUT_MODEL
    assert found.events <= 10
