"""A run over the items of other data: known and new items, hidden features, merged graphs."""

import csv
import dataclasses

import numpy as np
import pytest

from m6rec_cli.config import resolve as configuration
from m6rec_cli.config.settings import RecommendConfig
from m6rec_cli.data.store import Dataset
from m6rec_cli.inference import new_items, other_catalogue
from m6rec_cli.inference.current_evidence import with_known_events
from m6rec_cli.inference.loaded_run import load
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.item_graphs import content_cosines, content_similarity
from m6rec_cli.stages import preprocess, pretrain
from m6rec_cli.stages.evaluate import EvaluationRequest
from m6rec_cli.stages.evaluate import run as evaluate
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from tests import worlds
from tests.data_directories import Column
from tests.inference.trained import shop, write

__all__ = ["other", "shop"]


@pytest.fixture(scope="module")
def other(shop, tmp_path_factory):
    """Data with the run's features: half of its items in reverse order, and two new ones."""
    folder = tmp_path_factory.mktemp("other")
    with shop.items.open() as file:
        rows = list(csv.reader(file))[1:]
    rows = [*rows[:0:-2], [900, "Red thing 900", "red", 7], [901, "Gold thing 901", "gold", 7]]
    items = write(folder, "items.csv", "item_id,title,style,price", rows)
    with shop.events.open() as file:
        kept = [r for r in list(csv.reader(file))[1:] if r[1] in {str(row[0]) for row in rows}]
    events = write(folder, "events.csv", "user_id,item_id,timestamp,event", kept)
    inputs = preprocess.PreprocessInputs(
        interactions=events, items=items, users=shop.users, like=shop.run
    )
    preprocess.run(configuration.resolve(), inputs, folder / "data", SilentReporter())
    return Dataset.open(folder / "data")


def catalogue_of(run, data, hidden=(), report=None):
    """The catalogue of the run over another data directory."""
    report = report or SilentReporter()
    return other_catalogue.with_catalogue(run, data, hidden, report).catalogue


def catalogue_without_events(run, catalogue, **config):
    """The catalogue with the weights of a command, and no events known."""
    run = dataclasses.replace(run, catalogue=catalogue)
    none = Dataset.open(run.path.parent / "data").events.take(np.zeros(0, np.int64))
    return with_known_events(run, RecommendConfig(**config), none).catalogue


def test_with_catalogue_of_the_run_itself_changes_nothing(shop):
    data = Dataset.open(shop.data)
    assert catalogue_of(shop.loaded, data) is shop.loaded.catalogue


def test_with_catalogue_keeps_known_embeddings_and_scores_new_items_from_content(shop, other):
    report, run = SilentReporter(), shop.loaded
    found = catalogue_of(run, other, report=report)
    row = {name: i for i, name in enumerate(run.catalogue.ids)}
    ids = other.items["id"].to_list()
    known = [i for i, name in enumerate(ids) if name in row]
    at = [row[ids[i]] for i in known]
    assert len(known) == len(ids) - 2
    np.testing.assert_allclose(
        found.embeddings[np.array(known)], run.catalogue.embeddings[np.array(at)], atol=1e-5
    )
    # `recommend --items` gives a new item the same embedding.
    items = other.path.parent / "items.csv"
    added = new_items.with_new_items(run, items, None, SilentReporter()).catalogue
    np.testing.assert_allclose(found.embeddings[-2:], added.embeddings[-2:], atol=1e-5)
    assert len(found.bias) == len(ids)
    assert len(added.bias) == len(run.catalogue.bias) + 2
    assert found.ids.to_list() == ids
    assert any(
        "2 of the 22 items" in w and "from their content alone" in w for w in report.warnings
    )


def test_evaluate_over_another_catalogue_ranks_all_its_items(shop, other):
    config = configuration.resolve(sets=["evaluate.bootstrap=0"])
    request = EvaluationRequest(runs=(str(shop.run),), baselines=("popularity",))
    summary = evaluate(config, other.path, request, None, SilentReporter())
    assert summary["items"] == 22
    run, popularity = (s["masked"]["ndcg@10"] for s in summary["systems"].values())
    assert run > popularity


def test_with_catalogue_hidden_features_leave_ids_and_hidden_ids_leave_content(shop):
    run, data = shop.loaded, Dataset.open(shop.data)
    warm = run.catalogue.items["popularity"].to_numpy() > 0
    ids = np.where(warm[:, None], run.model.encoder.ids[...], 0)
    np.testing.assert_allclose(catalogue_of(run, data, ["style"]).embeddings, ids, atol=1e-6)
    content = catalogue_of(run, data, ["id"]).embeddings
    np.testing.assert_allclose(np.asarray(run.catalogue.embeddings) - ids, content, atol=1e-5)
    assert not np.asarray(catalogue_of(run, data, ["id", "style"]).embeddings).any()


def test_hide_user_features_masks_them(shop):
    histories = UserHistories.of_dataset(shop.loaded, Dataset.open(shop.data), "test")
    rows = np.arange(4)
    hidden = other_catalogue.hide_user_features(histories, ["user.taste"])
    assert (histories.basis(rows) == 3).all()
    assert (hidden.basis(rows) == 2).all()
    assert np.abs(histories.contexts(rows)[0] - hidden.contexts(rows)[0]).max() > 1e-3


def test_with_catalogue_unknown_hidden_feature_is_an_error(shop):
    for name in ("stile", "taste", "title"):
        with pytest.raises(M6RecError, match=f"does not read: `{name}`"):
            catalogue_of(shop.loaded, Dataset.open(shop.data), [name])


def test_with_catalogue_of_features_fitted_anew_is_an_error(shop, tmp_path):
    with pytest.raises(M6RecError, match="the items of the data have no feature `style`") as caught:
        catalogue_of(shop.loaded, worlds.planted_cycle(tmp_path / "d"))
    assert "--like" in (caught.value.hint or "")
    style = {"style": Column("categorical", np.arange(12) % 4)}
    data = worlds.planted_cycle(tmp_path / "e", item_features=style)
    with pytest.raises(M6RecError, match="`style` was not fitted as in the run"):
        catalogue_of(shop.loaded, data)


def test_with_catalogue_of_new_items_without_a_content_model_is_an_error(tmp_path, small):
    data = worlds.planted_cycle(tmp_path / "data", n_users=16)
    pretrain.run(small("train.max_steps=1"), data.path, tmp_path / "run", SilentReporter())
    other = worlds.planted_cycle(tmp_path / "e", item_ids=[f"x{i}" for i in range(12)])
    with pytest.raises(M6RecError, match="12 items of the data are not in the run's catalogue"):
        catalogue_of(load(tmp_path / "run"), other)


def test_with_catalogue_cooccurrence_follows_the_items(shop, other):
    old, new = shop.loaded.catalogue, catalogue_of(shop.loaded, other)
    assert new.cooccurrence.nnz
    row = {name: i for i, name in enumerate(old.ids)}
    for i, a in enumerate(new.ids):
        for j, b in enumerate(new.ids):
            known = a in row and b in row
            expected = old.cooccurrence[row[a], row[b]] if known else 0
            assert new.cooccurrence[i, j] == expected
    assert catalogue_of(shop.loaded, Dataset.open(shop.data), ["id"]).cooccurrence.nnz == 0


def test_with_known_events_adds_the_bonus_to_cold_items_only(shop, other):
    catalogue = catalogue_of(shop.loaded, other)
    cold = catalogue.id_rows < 0
    assert 0 < cold.sum() < len(cold)
    raised = catalogue_without_events(shop.loaded, catalogue, cold_item_bonus=1.5)
    added = np.asarray(raised.bias) - np.asarray(catalogue.bias)
    np.testing.assert_allclose(added, np.where(cold, 1.5, 0), atol=1e-6)
    assert (catalogue_without_events(shop.loaded, catalogue).bias == catalogue.bias).all()


def test_evidence_merges_content_neighbours_with_full_weight_for_cold_items(shop, other):
    catalogue = catalogue_of(shop.loaded, other)
    cooccurrence, similarity = (
        graph.toarray() for graph in (catalogue.cooccurrence, catalogue.content_similarity)
    )
    cold = catalogue.id_rows < 0
    assert similarity[:, cold].any()
    assert not cooccurrence[:, cold].any()
    expected = cooccurrence + similarity * np.where(cold, 1.25, 0.25)
    fixed = {"ranking": "fixed", "cooccurrence_weight": 0.1}
    merged = catalogue_without_events(shop.loaded, catalogue, content_weight=0.25, **fixed)
    np.testing.assert_allclose(merged.evidence.graph.toarray(), expected, rtol=1e-6)
    plain = catalogue_without_events(shop.loaded, catalogue, content_weight=0.0, **fixed)
    np.testing.assert_array_equal(plain.evidence.graph.toarray(), cooccurrence)
    elsewhere = dataclasses.replace(catalogue, is_other_shop=True)
    learned = catalogue_without_events(shop.loaded, elsewhere)
    expected = cooccurrence + similarity * cold
    np.testing.assert_allclose(learned.evidence.graph.toarray(), expected, rtol=1e-6)


def test_with_catalogue_compares_the_items_of_the_data_with_each_other(shop, other):
    catalogue = catalogue_of(shop.loaded, other)
    counts = content_similarity.term_counts(shop.loaded.spec.item_specs, other.feature)
    graph = content_similarity.similarity_graph(counts, catalogue.id_rows >= 0)
    np.testing.assert_array_equal(catalogue.content_similarity.toarray(), graph.toarray())
    cosines = content_cosines.most_similar_items(counts, [], catalogue.id_rows >= 0)
    assert catalogue.cosines.keys() == cosines.keys() == {"words"}
    np.testing.assert_array_equal(catalogue.cosines["words"].toarray(), cosines["words"].toarray())
    hidden = catalogue_of(shop.loaded, Dataset.open(shop.data), ["style"])
    assert hidden.content_similarity.nnz == 0
    assert not hidden.cosines
    assert shop.loaded.catalogue.content_similarity.nnz
