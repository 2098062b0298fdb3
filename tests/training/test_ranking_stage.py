"""Training learns the ranking weights on its validation events and keeps them in the run."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from m6rec_cli.config.settings import RecommendConfig
from m6rec_cli.data.store import Dataset
from m6rec_cli.evaluation.systems import scorer_of_run
from m6rec_cli.evaluation.task import build_task
from m6rec_cli.inference.loaded_run import load
from m6rec_cli.inference.ranking_terms import user_terms
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.item_graphs import cooccurrence, run_graphs
from m6rec_cli.ranking import fit, held_out
from m6rec_cli.ranking.held_out import HeldOutEvents
from m6rec_cli.ranking.ranking_file import read_fit
from m6rec_cli.ranking.weights import RankingWeights
from m6rec_cli.stages import finetune, pretrain
from tests.data_directories import Column, write_data
from tests.worlds import planted_content, planted_cycle


@pytest.fixture
def asked(monkeypatch):
    """The held-out events that trainings learn from."""
    found: list[HeldOutEvents] = []
    candidates = held_out.candidates

    def record(events):
        found.append(events)
        return candidates(events)

    monkeypatch.setattr(held_out, "candidates", record)
    return found


def ranking_of(run):
    return read_fit(run / "catalogue" / "ranking.json")


def test_pretrain_learns_what_an_untrained_model_does_not_know(tmp_path, small, report):
    """In the cycle the last item tells the next one, and the model is not trained yet."""
    data = planted_cycle(tmp_path / "data")
    config = small("train.max_steps=1", "train.learning_rate=1e-6")
    pretrain.run(config, data.path, tmp_path / "run", report)
    found = ranking_of(tmp_path / "run")
    assert found.is_learned
    assert found.events == 64
    assert found.ndcg is not None
    assert found.other_ndcg is not None
    assert found.ndcg >= found.other_ndcg
    assert found.ndcg > 0.9
    assert found.describe() in report.notes


def test_pretrain_without_validation_keeps_the_usual_weights(tmp_path, small, report):
    data = write_data(
        tmp_path / "data", np.repeat(np.arange(9), 3), np.arange(27) % 5, split="none"
    )
    pretrain.run(small("train.max_steps=1"), data.path, tmp_path / "run", report)
    found = ranking_of(tmp_path / "run")
    assert (found.weights, found.is_learned, found.events) == (fit.USUAL, False, 0)
    assert (
        "ranking of the lists: usual weights, since 0 held-out events are too few to learn from"
        in report.notes
    )
    assert load(tmp_path / "run").catalogue.ranking == fit.USUAL


def several_held_out(path):
    """The cycle, each user with two validation and two test events."""
    splits = np.tile([0, 0, 0, 0, 1, 1, 2, 2], 64)
    users, steps = np.repeat(np.arange(64), 8), np.tile(np.arange(8), 64)
    return write_data(path, users, (users + steps) % 12, split=splits, timestamp=steps * 86_400_000)


@pytest.mark.parametrize(("protocol", "other"), [("all", "rolling"), ("rolling", "all")])
def test_each_protocol_has_weights_of_its_own_where_users_have_several_held_out_events(
    tmp_path, small, report, asked, protocol, other
):
    data = several_held_out(tmp_path / "data")
    config = small("train.max_steps=1", f"train.valid_protocol={protocol}")
    run = tmp_path / "run"
    pretrain.run(config, data.path, run, report)
    # Under `all` a user is asked once, for two items; under `rolling` twice, for one.
    n_users = {"all": 64, "rolling": 128}
    assert [len(events.n_events) for events in asked] == [n_users[protocol], n_users[other]]
    found = {
        protocol: ranking_of(run),
        other: read_fit(run / "catalogue" / f"ranking_{other}.json"),
    }
    assert found["all"].weights != found["rolling"].weights
    assert f"with `--protocol {other}`, {found[other].describe()}" in report.notes
    for name in ("all", "rolling"):
        task = build_task(data, "test", protocol=name)
        scorer = scorer_of_run(run, task, config, report)
        assert scorer.run.catalogue.ranking == found[name].weights, name
    assert load(run).catalogue.ranking == found[protocol].weights


def test_refit_has_the_weights_of_both_protocols(tmp_path, small, report):
    data = several_held_out(tmp_path / "data")
    config = small("train.epochs=2", "train.learning_rate=0.02")
    pretrain.run(config, data.path, tmp_path / "run", report)
    first, again = tmp_path / "run", tmp_path / "again"
    pretrain.run(pretrain.refit_config(first), data.path, again, report, refit_of=first)
    for name in ("ranking.json", "ranking_rolling.json"):
        assert (again / "catalogue" / name).read_text() == (first / "catalogue" / name).read_text()


def test_finetune_learns_its_own_weights(tmp_path, parent, small, report, monkeypatch):
    own = RankingWeights(model=0.75)
    monkeypatch.setattr(
        fit, "fit", lambda c: dataclasses.replace(ranking_of(parent), weights=own, events=len(c))
    )
    config = small("train.max_steps=1", stage="finetune")
    finetune.run(config, parent.parent / "data", parent, tmp_path / "tuned", report)
    assert ranking_of(tmp_path / "tuned").weights == own
    assert ranking_of(parent).weights != own


def test_held_out_events_are_those_that_lists_are_made_for(tmp_path, small, report, asked):
    """A training knows of its held-out events what lists before them would know."""
    data = planted_content(tmp_path / "data", n_users=24)
    config = small("train.max_steps=1", "model.max_history=3")
    pretrain.run(config, data.path, tmp_path / "run", report)
    (events,) = asked
    truth = data.truth("valid")
    np.testing.assert_array_equal(events.user, truth.user_row)
    np.testing.assert_array_equal(events.target, truth.item_row)
    assert set(events.n_events) == {3}

    run = load(tmp_path / "run")
    histories, rows = UserHistories.of_dataset(run, data, "valid"), np.arange(24)
    np.testing.assert_array_equal(histories.n_events(rows), events.n_events)
    contexts, _ = histories.contexts(rows)
    vectors = np.asarray(run.model.candidates(jax.device_put(contexts), None))
    logits = vectors @ np.asarray(run.catalogue.embeddings).T
    np.testing.assert_allclose(events.logits(rows), logits, atol=1e-4)
    hidden = np.zeros((24, data.n_items), bool)
    hidden[histories.seen(rows)] = True
    assert events.hidden is not None
    np.testing.assert_array_equal(events.hidden.toarray(), hidden)

    weights = RankingWeights(
        model=1.0,
        neighbours=1.0,
        close_neighbours=2.0,
        second_neighbours=0.7,
        followers=0.5,
        words=3.0,
        vectors=4.0,
    )
    content = RecommendConfig().content_weight
    catalogue = dataclasses.replace(
        run.catalogue, ranking=weights, content_weight=content, cold_content_weight=1 + content
    )
    run = dataclasses.replace(run, catalogue=catalogue)
    terms = user_terms(dataclasses.replace(histories, run=run), rows)
    gains = weights.gains(events.evidence, data.n_items)
    assert set(events.evidence.cosines) == {"words", "vectors"}
    np.testing.assert_allclose(terms.boosts.toarray(), gains.toarray(), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(catalogue.evidence.popularity, events.popularity)


def test_held_out_events_list_seen_items_where_lists_do(tmp_path, small, report, asked):
    rng = np.random.default_rng(0)
    items = rng.integers(0, 6, (30, 8))
    data = write_data(tmp_path / "data", np.repeat(np.arange(30), 8), items.ravel())
    assert data.manifest.repeats > 0.1
    pretrain.run(small("train.max_steps=1"), data.path, tmp_path / "run", report)
    assert asked[0].hidden is None
    assert len(asked[0].listed()) == 30


def test_run_keeps_the_cosines_of_vectors_without_missing_ones(tmp_path, small, report):
    rng = np.random.default_rng(0)
    known = np.arange(12) != 5
    look = Column("vector", rng.standard_normal((12, 4)), known)
    data = planted_cycle(tmp_path / "data", n_users=24, item_features={"look": look})
    pretrain.run(small("train.max_steps=1"), data.path, tmp_path / "run", report)
    catalogue = tmp_path / "run" / "catalogue"
    cosines = run_graphs.read_cosines(lambda file: cooccurrence.load_graph(catalogue / file))
    assert cosines.keys() == {"vectors"}
    assert not cosines["vectors"].toarray()[5].any()
    tree = json.loads((tmp_path / "run" / "catalogue" / "ranking.json").read_text())
    assert tree["weights"]["words"] == 0
    assert Dataset.open(data.path).n_items == 12
