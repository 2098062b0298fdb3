"""A run over the items of other data: ids it knows, items it does not, and features that are hidden."""

import csv

import numpy as np
import polars as pl
import pytest

from m6rec_cli.config import resolve as configuration
from m6rec_cli.config.settings import RecommendConfig
from m6rec_cli.data.store import Dataset
from m6rec_cli.inference import other_catalogue, raw_inputs
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.item_graphs import content_similarity
from m6rec_cli.stages import preprocess, recommend
from m6rec_cli.stages.evaluate import Asked
from m6rec_cli.stages.evaluate import run as evaluate
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from tests import worlds
from tests.inference.trained import shop, write

__all__ = ["shop"]


@pytest.fixture(scope="module")
def other(shop, tmp_path_factory):
    """Another catalogue with the run's features: half of its items in reverse order, and two new ones."""
    folder = tmp_path_factory.mktemp("other")
    with shop.items.open() as file:
        rows = list(csv.reader(file))[1:]
    rows = [*rows[:0:-2], [900, "Red thing 900", "red", 7], [901, "Gold thing 901", "gold", 7]]
    items = write(folder, "items.csv", "item_id,title,style,price", rows)
    with shop.events.open() as file:
        kept = [r for r in list(csv.reader(file))[1:] if r[1] in {str(row[0]) for row in rows}]
    events = write(folder, "events.csv", "user_id,item_id,timestamp,event", kept)
    inputs = preprocess.Inputs(events, items, shop.users, like=shop.run)
    preprocess.run(configuration.resolve(), inputs, folder / "data", SilentReporter())
    return Dataset.open(folder / "data")


def test_catalogue_of_the_run_itself_changes_nothing(shop):
    assert (
        other_catalogue.with_catalogue(shop.loaded, Dataset.open(shop.data), [], SilentReporter())
        is shop.loaded
    )


def test_catalogue_of_other_items_takes_ids_that_are_known_and_content_of_the_rest(shop, other):
    report, run = SilentReporter(), shop.loaded
    found = other_catalogue.with_catalogue(run, other, [], report)
    row = {name: i for i, name in enumerate(run.items["id"])}
    ids = other.items["id"].to_list()
    known = [i for i, name in enumerate(ids) if name in row]
    at = [row[ids[i]] for i in known]
    assert len(known) == len(ids) - 2
    np.testing.assert_allclose(
        found.embeddings[np.array(known)], run.embeddings[np.array(at)], atol=1e-5
    )
    # A new item is what `recommend --items` makes of it.
    new = raw_inputs.with_items(run, other.path.parent / "items.csv", None, SilentReporter())
    np.testing.assert_allclose(found.embeddings[-2:], new.embeddings[-2:], atol=1e-5)
    assert len(found.bias) == len(ids)
    assert len(new.bias) == len(run.bias) + 2
    assert found.items["id"].to_list() == ids
    assert any(
        "2 of the 22 items" in w and "from their content alone" in w for w in report.warnings
    )


def test_evaluate_over_another_catalogue_ranks_all_of_it(shop, other):
    config = configuration.resolve(sets=["evaluate.bootstrap=0"])
    summary = evaluate(
        config,
        other.path,
        Asked(runs=(str(shop.run),), baselines=("popularity",)),
        None,
        SilentReporter(),
    )
    assert summary["items"] == 22
    run, popularity = (s["masked"]["ndcg@10"] for s in summary["systems"].values())
    assert run > popularity


def test_catalogue_hidden_feature_leaves_the_ids_and_hidden_ids_leave_the_content(shop):
    run, data = shop.loaded, Dataset.open(shop.data)
    warm = run.items["popularity"].to_numpy() > 0
    ids = np.where(warm[:, None], run.model.encoder.ids[...], 0)
    np.testing.assert_allclose(
        other_catalogue.with_catalogue(run, data, ["style"], SilentReporter()).embeddings,
        ids,
        atol=1e-6,
    )
    content = other_catalogue.with_catalogue(run, data, ["id"], SilentReporter()).embeddings
    np.testing.assert_allclose(np.asarray(run.embeddings) - ids, content, atol=1e-5)
    assert not np.asarray(
        other_catalogue.with_catalogue(run, data, ["id", "style"], SilentReporter()).embeddings
    ).any()


def test_without_profiles_makes_them_missing(shop):
    audience = UserHistories.of_dataset(shop.loaded, Dataset.open(shop.data), "test")
    rows = np.arange(4)
    hidden = other_catalogue.without_profiles(audience, ["user.taste"])
    assert (audience.basis(rows) == 3).all()
    assert (hidden.basis(rows) == 2).all()
    assert np.abs(audience.contexts(rows)[0] - hidden.contexts(rows)[0]).max() > 1e-3


def test_catalogue_unknown_name_is_answered_with_the_nearest(shop):
    for name in ("stile", "taste", "title"):
        with pytest.raises(M6RecError, match=f"does not read: `{name}`"):
            other_catalogue.with_catalogue(
                shop.loaded, Dataset.open(shop.data), [name], SilentReporter()
            )


def test_catalogue_with_features_fitted_anew_is_refused(shop, tmp_path):
    with pytest.raises(M6RecError, match="the items of the data have no feature `style`") as caught:
        other_catalogue.with_catalogue(
            shop.loaded, worlds.planted_cycle(tmp_path / "d"), [], SilentReporter()
        )
    assert "--like" in (caught.value.hint or "")
    style = {"style": worlds.Column("categorical", np.arange(12) % 4)}
    with pytest.raises(M6RecError, match="`style` was not fitted as in the run"):
        other_catalogue.with_catalogue(
            shop.loaded,
            worlds.planted_cycle(tmp_path / "e", item_features=style),
            [],
            SilentReporter(),
        )


def test_catalogue_of_strangers_needs_a_model_that_reads_content(tmp_path, small):
    from m6rec_cli.inference.loaded_run import load
    from m6rec_cli.stages import pretrain

    data = worlds.planted_cycle(tmp_path / "data", n_users=16)
    pretrain.run(small("train.max_steps=1"), data.path, tmp_path / "run", SilentReporter())
    ids = [f"x{i}" for i in range(12)]
    with pytest.raises(M6RecError, match="12 items of the data are not in the run's catalogue"):
        other = worlds.planted_cycle(tmp_path / "e", item_ids=ids)
        other_catalogue.with_catalogue(load(tmp_path / "run"), other, [], SilentReporter())


def test_catalogue_neighbours_follow_their_items(shop, other):
    run = other_catalogue.with_catalogue(shop.loaded, other, [], SilentReporter())
    assert run.cooccurrence.nnz
    row = {name: i for i, name in enumerate(shop.loaded.items["id"])}
    for i, a in enumerate(run.items["id"]):
        for j, b in enumerate(run.items["id"]):
            known = a in row and b in row
            assert run.cooccurrence[i, j] == (shop.loaded.neighbours[row[a], row[b]] if known else 0)
    hidden = other_catalogue.with_catalogue(
        shop.loaded, Dataset.open(shop.data), ["id"], SilentReporter()
    )
    assert hidden.cooccurrence.nnz == 0


def test_weighed_adds_to_the_items_without_training_events_alone(shop, other):
    run = other_catalogue.with_catalogue(shop.loaded, other, [], SilentReporter())
    new = run.id_rows < 0
    assert 0 < new.sum() < len(new)
    raised = np.asarray(
        other_catalogue.with_graphs(run, RecommendConfig(cold_item_bonus=1.5)).bias
    ) - np.asarray(run.bias)
    np.testing.assert_allclose(raised, np.where(new, 1.5, 0), atol=1e-6)
    assert (other_catalogue.with_graphs(run, RecommendConfig()).bias == run.bias).all()


def test_weighed_adds_what_is_alike_and_all_of_it_to_items_without_training_events(shop, other):
    run = other_catalogue.with_catalogue(shop.loaded, other, [], SilentReporter())
    near, alike, new = run.cooccurrence.toarray(), run.content_similarity.toarray(), run.id_rows < 0
    assert alike[:, new].any()
    assert not near[:, new].any()
    want = near + alike * np.where(new, 1.25, 0.25)
    got = other_catalogue.with_graphs(
        run, RecommendConfig(content_weight=0.25)
    ).cooccurrence.toarray()
    np.testing.assert_allclose(got, want, rtol=1e-6)
    np.testing.assert_array_equal(
        other_catalogue.with_graphs(run, RecommendConfig(content_weight=0)).cooccurrence.toarray(),
        near,
    )


def test_catalogue_of_other_items_compares_them_among_themselves(shop, other):
    run = other_catalogue.with_catalogue(shop.loaded, other, [], SilentReporter())
    made = content_similarity.counts(shop.loaded.specs.item_specs, other.feature)
    np.testing.assert_array_equal(
        run.content_similarity.toarray(), content_similarity.graph(made, run.id_rows >= 0).toarray()
    )
    hidden = other_catalogue.with_catalogue(
        shop.loaded, Dataset.open(shop.data), ["style"], SilentReporter()
    )
    assert hidden.content_similarity.nnz == 0
    assert shop.loaded.alike.nnz


def test_items_of_a_table_are_alike_to_those_of_another_catalogue(shop, other, tmp_path):
    found = other_catalogue.with_catalogue(shop.loaded, other, [], SilentReporter())
    items = write(
        tmp_path, "new.csv", "item_id,title,style,price", [[950, "Red thing 950", "red", 7]]
    )
    run = raw_inputs.with_items(found, items, None, SilentReporter())
    n = len(found.items)
    assert len(run.items) == n + 1
    np.testing.assert_array_equal(run.content_similarity.toarray()[:n, :n], found.content_similarity.toarray())
    column, code = run.content_similarity.toarray()[:n, n], run.items["style"].to_numpy()
    assert column.sum() == pytest.approx(1)
    assert not column[code[:n] != code[n]].any()


def test_items_of_a_table_are_alike_to_those_of_the_run(shop, other):
    run = raw_inputs.with_items(
        shop.loaded, other.path.parent / "items.csv", None, SilentReporter()
    )
    n, old = len(shop.loaded.items), shop.loaded.alike.toarray()
    found = run.content_similarity.toarray()
    np.testing.assert_array_equal(found[:n, :n], old)
    assert not found[n:].any()
    style = shop.loaded.items["style"].to_numpy()
    for column, code in zip(found[:, n:].T, run.items["style"].to_numpy()[n:], strict=True):
        assert column.sum() == pytest.approx(1 if code else 0)
        assert not column[:n][style != code].any()


def test_recommend_lists_new_items_first_if_they_are_promoted_enough(shop, other, tmp_path):
    lists, known = {}, shop.loaded.items
    new = [900, 901, *known.filter(pl.col("popularity") == 0)["id"].cast(pl.Int64)]
    for by in (-50, 50):
        config = configuration.resolve(sets=[f"recommend.cold_item_bonus={by}", "recommend.k=2"])
        inputs = recommend.Inputs(
            shop.run, interactions=shop.events, items=other.path.parent / "items.csv"
        )
        recommend.run(config, inputs, str(tmp_path / f"{by}.csv"), SilentReporter())
        lists[by] = pl.read_csv(tmp_path / f"{by}.csv")["item_id"].is_in(new)
    assert lists[50].all()
    assert not lists[-50].any()
