"""Explanations find the planted cause, and their effects equal differences of scores."""

import dataclasses
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from m6rec_cli.config.resolve import resolve
from m6rec_cli.config.settings import RecommendConfig
from m6rec_cli.data.store import Dataset
from m6rec_cli.inference import explanation, ranked_lists
from m6rec_cli.inference.attribution import ItemParts, features_of_dataset
from m6rec_cli.inference.explanation import Explainer, positive_shares
from m6rec_cli.inference.loaded_run import load
from m6rec_cli.inference.ranked_lists import ListMaker
from m6rec_cli.inference.user_histories import UserHistories
from m6rec_cli.ranking.evidence import ItemEvidence
from m6rec_cli.ranking.weights import FIXED
from m6rec_cli.stages import pretrain
from m6rec_cli.system.progress import SilentReporter
from tests import worlds
from tests.data_directories import write_data
from tests.devices import use_defaults
from tests.inference.test_ranking_terms import with_weights
from tests.inference.trained import shop

__all__ = ["shop"]


def explained(run, data, *, features=True, before="all", rows=None, **config) -> pl.DataFrame:
    """Lists with explanations as one frame."""
    settings = RecommendConfig(**config)
    histories = UserHistories.of_dataset(run, data, before)
    parts = ItemParts(run, features_of_dataset(run, data) if features else None)
    explainer = Explainer(config=settings, run=run, histories=histories, item_parts=parts)
    lists = list_maker(run, histories, settings, explainer)
    rows = np.arange(len(histories.ids)) if rows is None else rows
    return pl.concat([frame for _, frame in lists.frames(rows)])


def list_maker(run, histories, settings, explainer=None):
    return ListMaker(
        config=settings,
        run=run,
        histories=histories,
        allowed=np.ones(len(run.catalogue), bool),
        explainer=explainer,
    )


def first_reasons(frame: pl.DataFrame, column: str) -> dict[str, dict]:
    """The reason with the largest share for each user's first item."""
    top = frame.filter(pl.col("rank") == 1)
    return {u: reasons[0] for u, reasons in top.select("user_id", column).iter_rows() if reasons}


@pytest.fixture(scope="session")
def cycle(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """All users walk a cycle of items without features: the last event causes the next item."""
    folder = tmp_path_factory.mktemp("explained")
    worlds.planted_cycle(folder / "data")
    config = resolve(
        "pretrain",
        sets=[
            "model.width=16",
            "model.decoder.layers=1",
            "model.generator.hidden=16",
            "model.generator.noise=4",
            "model.dropout=0.1",
            "train.batch_targets=64",
            "train.steps_per_dispatch=4",
            "train.epochs=20",
            "train.learning_rate=0.01",
            "train.patience=20",
        ],
    )
    pretrain.run(config, folder / "data", folder / "run", SilentReporter())
    return folder / "data", folder / "run"


def test_columns_planted_last_event_has_the_largest_share(cycle):
    data, run = Dataset.open(cycle[0]), load(cycle[1])
    frame = explained(run, data, before="test", k=1)
    history = data.history("test")
    last = history.item_row[history.offsets(64)[1:] - 1]
    expected = [f"i{(row + 1) % 12}" for row in last]
    right = [u for u in range(64) if frame["item_id"][u] == expected[u]]
    assert len(right) > 58  # the model has learned the cycle
    reasons = first_reasons(frame, "because_events")
    assert [reasons[f"u{u}"]["item_id"] for u in right] == [f"i{last[u]}" for u in right]
    assert np.median([reasons[f"u{u}"]["share"] for u in right]) > 0.5
    # Items without features have only an id and neighbours.
    parts = frame.explode("because_parts").unnest("because_parts")
    assert set(parts["name"]) == {"id", "graphs"}


def test_columns_planted_modality_has_the_largest_share(shop):
    """In the shop only `style` predicts a purchase; cold items have no other part.

    By fixed weights: learned ones find the style by content similarity, which is part of `graphs`.
    """
    data, run = Dataset.open(shop.data), with_weights(shop.loaded, FIXED)
    frame = explained(run, data, k=3)
    parts = (
        frame.explode("because_parts")
        .unnest("because_parts")
        .group_by("name")
        .agg(pl.col("share").mean())
    )
    means = dict(parts.iter_rows())
    assert means.keys() == {"id", "style", "graphs"}
    assert means["style"] > 0.5 > max(means["id"], means["graphs"])
    cold = frame.filter(pl.col("item_id").is_in(["109", "119", "129", "139"]))
    assert len(cold)
    for (reasons,) in cold.select("because_parts").iter_rows():
        assert [r["name"] for r in reasons] == ["style"]
        assert reasons[0]["share"] == 1


def all_scores(run, data, events, user, **config):
    """A user's scores of the whole catalogue, by a list over other events."""
    histories = dataclasses.replace(UserHistories.of_dataset(run, data, "all"), events=events)
    lists = list_maker(run, histories, RecommendConfig(k=40, seen="keep", **config))
    (_, frame), *_ = lists.frames(np.array([user]))
    return dict(frame.select("item_id", "score").iter_rows())


@pytest.mark.parametrize(
    ("max_history", "noise_draws", "discriminator_weight"),
    [(200, 1, 0.0), (3, 1, 0.0), (200, 3, 0.5)],
)
def test_columns_event_effects_are_what_a_full_pass_loses(
    shop, max_history, noise_draws, discriminator_weight
):
    data, run = Dataset.open(shop.data), shop.loaded
    settings = {"noise_draws": noise_draws, "discriminator_weight": discriminator_weight}
    model = dataclasses.replace(run.config.model, max_history=max_history)
    run = dataclasses.replace(run, config=dataclasses.replace(run.config, model=model))
    users = np.array([3, 7, 18, 41])
    frame = explained(run, data, rows=np.append(users, 64), k=4, **settings)
    events, checked = data.events, 0
    for user in users:
        mine = frame.filter(pl.col("user_id") == data.users["id"][int(user)])
        whole = all_scores(run, data, events, user, **settings)
        for item, score, reasons in mine.select("item_id", "score", "because_events").iter_rows():
            assert score == pytest.approx(whole[item], abs=1e-4)
            for reason in reasons:
                lost = (
                    (events.user_row == user)
                    & (events.timestamp == reason["timestamp"])
                    & (data.items["id"].to_numpy()[events.item_row] == reason["item_id"])
                )
                assert lost.sum() == 1
                without = all_scores(run, data, events.take(~lost), user, **settings)
                assert reason["effect"] == pytest.approx(whole[item] - without[item], abs=2e-4)
                checked += 1
            assert sum(r["share"] for r in reasons) <= 1 + 1e-5
    assert checked >= 4
    assert frame.filter(pl.col("user_id") == "904")["because_events"].list.len().sum() == 0


def without_column(graph, column):
    """The graph without the neighbour `column`."""
    data = np.where(graph.indices == column, 0, graph.data).astype(np.float32)
    return sparse.csr_array((data, graph.indices, graph.indptr), graph.shape)


@pytest.mark.parametrize("noise_draws", [1, 3])
def test_columns_part_effects_are_what_a_changed_catalogue_loses(shop, noise_draws):
    """Removes the id, the content and the neighbours from one item by hand."""
    data, run = Dataset.open(shop.data), shop.loaded
    frame = explained(run, data, rows=np.array([0]), k=2, noise_draws=noise_draws)
    item, score, parts = frame.row(0)[1], frame["score"][0], frame["because_parts"][0]
    catalogue = run.catalogue
    row = catalogue.ids.to_list().index(item)
    ids = np.asarray(run.model.encoder.ids[...])
    assert catalogue.items["popularity"][row] > 0
    expected, graphs = {}, {}
    second = catalogue.evidence.second_neighbours
    without_item = {
        "cooccurrence": without_column(catalogue.cooccurrence, row),
        "transitions": without_column(catalogue.transitions, row),
        "cosines": {name: without_column(graph, row) for name, graph in catalogue.cosines.items()},
    }
    for name, vector, changed_graphs in (
        ("id", catalogue.embeddings[row] - ids[row], graphs),
        ("style", ids[row], graphs),
        ("graphs", catalogue.embeddings[row], without_item),
    ):
        embeddings = catalogue.embeddings.at[row].set(vector)
        changed = dataclasses.replace(catalogue, embeddings=embeddings, **changed_graphs)
        changed = dataclasses.replace(run, catalogue=changed)
        # The history is read with the unchanged items: only the listed item changes.
        context = UserHistories.of_dataset(run, data, "all").contexts(np.array([0]))[0]
        histories = UserHistories.of_dataset(changed, data, "all")
        lists = list_maker(changed, histories, RecommendConfig(k=40, noise_draws=noise_draws))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(UserHistories, "contexts", lambda self, rows, c=context: (c, c))
            if name == "graphs":
                patch.setattr(ItemEvidence, "second_neighbours", without_column(second, row))
            (_, other), *_ = lists.frames(np.array([0]))
        expected[name] = score - other.filter(pl.col("item_id") == item)["score"].item()
    assert {p["name"]: p["effect"] for p in parts} == pytest.approx(expected, abs=1e-3)


def test_columns_without_features_have_content_as_one_part(shop):
    data, run = Dataset.open(shop.data), shop.loaded
    with_features, without = (explained(run, data, features=f, k=2) for f in (True, False))
    names = without.explode("because_parts").unnest("because_parts")["name"]
    assert set(names) == {"id", "content", "graphs"}
    # The shop's model reads one feature, so that feature is the content.
    rename = [
        [{**p, "name": p["name"].replace("style", "content")} for p in parts]
        for parts in with_features["because_parts"]
    ]
    got = without["because_parts"].to_list()
    for a, b in zip(rename, got, strict=True):
        assert {p["name"]: p["effect"] for p in a} == pytest.approx(
            {p["name"]: p["effect"] for p in b}, abs=1e-3
        )


def test_columns_in_tiles_and_chunks_equal_the_whole(shop, monkeypatch):
    data, run = Dataset.open(shop.data), shop.loaded
    whole = explained(run, data, k=3)
    use_defaults(monkeypatch, score_floats=40 * 8)
    monkeypatch.setattr(ranked_lists, "USERS_PER_CHUNK", 21)
    monkeypatch.setattr(explanation, "TOKENS_AT_ONCE", 300)
    parts = explained(run, data, k=3)
    for column in ("because_events", "because_parts"):
        a, b = (
            f.explode(column)[column].struct.field("effect").drop_nulls().sort().to_numpy()
            for f in (whole, parts)
        )
        np.testing.assert_allclose(a, b, atol=1e-3)


def test_features_of_dataset_with_other_features_is_none(shop, tmp_path):
    run = shop.loaded
    ids = run.catalogue.ids.to_list()
    other = write_data(tmp_path / "d", [0, 0], [0, 1], n_items=len(ids), item_ids=ids)
    assert features_of_dataset(run, other) is None


def test_positive_shares_by_hand():
    shares = positive_shares(np.array([[3.0, -1], [1, -2], [-5, 0]], np.float32))
    np.testing.assert_allclose(shares, [[0.75, 0], [0.25, 0], [0, 0]])
