"""An export gives the lists of `recommend` by Faiss, by its function and by its graphs."""

import dataclasses
import json
from pathlib import Path

import jax
import numpy as np
import pytest
from jax import export as jax_export

from m6rec_cli.data.store import Dataset
from m6rec_cli.export import check
from m6rec_cli.export.history_inputs import history_arrays, inputs_of
from m6rec_cli.export.scoring_function import scoring_function
from m6rec_cli.export.vectors import ItemVectors, of_users
from m6rec_cli.inference.user_histories import UserHistories
from tests.export.exports import (
    FIXED_WITH_BIAS,
    MODEL_ALONE,
    Export,
    assert_same_lists,
    exported,
    exported_with_bias,
    first_unseen,
    recommended,
    seen_items,
    shop,
)

__all__ = ["exported", "exported_with_bias", "shop"]


def test_faiss_over_the_vectors_gives_the_lists_of_recommend(
    shop, exported: Export, tmp_path: Path
):
    import faiss  # loads in a moment; the other tests do without it

    index = faiss.IndexFlatIP(exported.manifest["vectors"]["width"])
    index.add(exported.array("item_vectors"))
    _, found = index.search(exported.array("user_vectors"), len(exported.array("item_vectors")))
    items, users = exported.table("item_vectors"), exported.table("user_vectors")
    seen = seen_items(shop)
    lists = {
        user: first_unseen(items["item_id"].gather(row).to_list(), seen.get(user, set()))
        for user, row in zip(users["user_id"], found, strict=True)
    }
    assert_same_lists(lists, recommended(shop, tmp_path, MODEL_ALONE), 1e-5)


def test_new_user_is_scored_by_inputs_that_follow_the_manifest(
    shop, exported: Export, tmp_path: Path
):
    """Written as a server would: from raw events, `export.json` and the Parquet table alone."""
    log = tmp_path / "log.csv"
    events = [("new", 100, 0, "view"), ("new", 131, 90, "buy"), ("new", 102, 10**6, "hold")]
    lines = [f"{u},{i},{1_600_000_000 + t},{e}\n" for u, i, t, e in events]
    log.write_text("user_id,item_id,timestamp,event\n" + "".join(lines))
    row_of = {item: row for row, item in enumerate(exported.table("item_vectors")["item_id"])}
    kinds = exported.manifest["event_kinds"]
    gaps = [0] + [min(int(1 + s).bit_length(), 23) for s in (90, 10**6 - 90)]
    inputs = {
        "items": exported.array("item_vectors"),
        "item": np.array([[-1, *(row_of[str(i)] for _, i, _, _ in events), -1]], np.int32),
        "event": np.array(
            [[0, *(kinds.index(e) if e in kinds else 0 for *_, e in events), 0]], np.int32
        ),
        "gap": np.array([[0, *gaps, 0]], np.int32),
        "length": np.array([4], np.int32),
        "user.taste": np.zeros(1, np.int32),
        "user.taste.mask": np.zeros(1, bool),
    }
    function = jax_export.deserialize(bytearray((exported.folder / "score.jax").read_bytes()))
    names = [one["name"] for one in exported.manifest["function"]["inputs"]]
    scores = np.asarray(function.call(*(inputs[name] for name in names))[1])
    found = check.log_probabilities(scores)[0]
    lists = recommended(
        shop, tmp_path, MODEL_ALONE, "recommend.k=40", "recommend.seen=keep", interactions=log
    )
    assert len(lists) == 40
    expected = lists["score"].to_numpy()
    at = [row_of[item] for item in lists["item_id"]]
    np.testing.assert_allclose(found[at], expected, atol=1e-5)


GRAPHS = (
    "cooccurrence",
    "second_neighbours",
    "transitions",
    "content_similarity",
    "words",
    "vectors",
)


def with_graphs(exported: Export, histories: dict[str, list[str]]) -> dict[str, np.ndarray]:
    """Scores of all items for each user by the formula of `ranking.json`."""
    ranking = json.loads((exported.folder / "ranking.json").read_text())
    items, users = exported.table("item_vectors"), exported.table("user_vectors")
    row_of = {item: row for row, item in enumerate(items["item_id"])}
    n, weight = len(items), ranking["weights"]
    graphs = {}
    for name in GRAPHS:
        graphs[name] = np.zeros((n, n))
        if (exported.folder / f"graphs/{name}.parquet").exists():
            for item, neighbour, share in exported.table(f"graphs/{name}").iter_rows():
                graphs[name][row_of[item], row_of[neighbour]] = share
    of_content = np.where(items["cold"], ranking["cold_content_weight"], ranking["content_weight"])
    neighbours = graphs["cooccurrence"] + graphs["content_similarity"] * of_content

    def mean(graph: np.ndarray, history: list[str], recent: dict) -> np.ndarray:
        rows = [row_of[item] for item in history[-recent["events"] :]][::-1]
        if not rows:
            return np.zeros(n)
        factors = recent["decay"] ** np.arange(len(rows))
        return factors @ graph[rows] / factors.sum()

    products = exported.array("user_vectors") @ exported.array("item_vectors").T
    recent = ranking["recent_events"]
    found = {}
    for user, t, product in zip(users["user_id"], users["events"], products, strict=True):
        history, length = histories.get(user, []), np.log1p(min(t, 200))
        q, q2 = (
            mean(graph, history, recent["q and q2"])
            for graph in (neighbours, graphs["second_neighbours"])
        )
        words, vectors = (
            mean(graphs[name], history, recent["words and vectors"])
            for name in ("words", "vectors")
        )
        r = mean(graphs["transitions"], history, {"events": 1, "decay": 1.0})
        own = np.bincount([row_of[item] for item in history[-ranking["own_events"] :]], minlength=n)
        b = max(0, weight["model"] + weight["model_by_length"] * length)
        c = weight["popularity"] + weight["popularity_by_length"] * length
        found[user] = (
            b * product
            + c * np.log1p(items["events"].to_numpy())
            + weight["neighbours"] * np.log1p(weight["neighbour_scale"] * n * q)
            + weight["close_neighbours"] * np.log1p(10 * n * q)
            + weight["second_neighbours"] * np.log1p(n * q2)
            + weight["followers"] * np.log1p(10 * n * r)
            + weight["repeats"] * np.log1p(own)
            + weight["words"] * words
            + weight["vectors"] * vectors
        )
    return found


@pytest.mark.parametrize(
    ("fixture", "sets"), [("exported", ()), ("exported_with_bias", FIXED_WITH_BIAS)]
)
def test_vectors_and_graphs_give_the_lists_of_recommend_with_graphs(
    fixture: str, sets: tuple[str, ...], shop, tmp_path: Path, request: pytest.FixtureRequest
):
    whole = request.getfixturevalue(fixture)
    users, items = whole.table("user_vectors")["user_id"], whole.table("item_vectors")["item_id"]
    histories = {user: shop.history(user) for user in users}
    lists = {}
    for user, scores in with_graphs(whole, histories).items():
        ranked = items.gather(np.argsort(-scores, kind="stable")).to_list()
        lists[user] = first_unseen(ranked, set(histories[user]))
    assert_same_lists(lists, recommended(shop, tmp_path, *sets), 1e-4)


def test_history_longer_than_the_decoder_reads_keeps_its_last_tokens(shop):
    """The function's inputs are the tokens that `UserHistories.contexts` packs."""
    run = shop.loaded
    model = dataclasses.replace(run.config.model, max_history=3)
    run = dataclasses.replace(run, config=dataclasses.replace(run.config, model=model))
    histories = UserHistories.of_dataset(run, Dataset.open(shop.data), "all")
    rows = np.arange(len(histories.ids))
    assert set((histories.stop - histories.start).tolist()) == {0, 4, 5, 6}
    items = ItemVectors.of_run(run)
    inputs = inputs_of(histories, items.width)
    arrays = history_arrays(histories, rows, inputs)
    assert arrays["item"].shape == (len(rows), 4)
    function = jax.jit(scoring_function(run.model, inputs, has_bias=False))
    arguments = [items.values if i.name == "items" else arrays[i.name] for i in inputs]
    arguments = jax.tree.map(jax.device_put, arguments)
    vectors, _ = function(*arguments)
    np.testing.assert_allclose(vectors, of_users(histories, rows, items), atol=1e-5)
