"""Items and users that are held out entirely: nothing that is fitted or counted knows of them."""

import filecmp
import json

import numpy as np
import polars as pl
import pytest

from m6rec_cli.config import resolve as configuration
from m6rec_cli.data.format import COLD, TEST, TRAIN, VALID
from m6rec_cli.data.store import Dataset
from m6rec_cli.evaluation import slices, task
from m6rec_cli.stages import preprocess
from m6rec_cli.stages.preprocess import PreprocessInputs
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from tests import worlds
from tests.stages.shop import write_shop


def prepared(folder, files, *sets):
    inputs = PreprocessInputs(**files)
    preprocess.run(configuration.resolve(sets=sets), inputs, folder, SilentReporter())
    return Dataset.open(folder)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_shop(tmp_path_factory.mktemp("shop"), n_users=30)


def test_run_cold_items_have_test_events_of_their_own_and_no_others(tmp_path, files):
    data = prepared(tmp_path / "data", files, "data.cold_items=0.2")
    events = data.events
    cold_items = np.unique(events.item_row[events.split == COLD])
    assert len(cold_items) == 3
    assert not np.isin(events.item_row[events.split != COLD], cold_items).any()
    assert (data.items["popularity"].to_numpy()[cold_items] == 0).all()
    counts = data.manifest.counts
    assert counts.events["cold"] == (events.split == COLD).sum() > 0
    assert counts.targets["cold"] == len(np.unique(events.user_row[events.split == COLD]))
    question = task.build_task(data, "cold")
    assert list(slices.build_slices(question)["item_popularity"]) == ["cold"]


def test_run_cold_histories_hold_all_that_was_earlier_and_nothing_later(tmp_path, files):
    data = prepared(tmp_path / "data", files, "data.cold_items=0.2", "data.cold_users=0.1")
    events, history = data.events, data.history("cold")
    offsets, own = events.offsets(data.n_users), history.offsets(data.n_users)
    judged = 0
    for user in range(data.n_users):
        mine = events.take(np.arange(offsets[user], offsets[user + 1]))
        found = np.flatnonzero((mine.split == COLD) & mine.label)
        before = np.arange(found[0] if len(found) else len(mine))
        expected = [mine.item_row[i] for i in before if mine.split[i] != COLD]
        assert history.item_row[own[user] : own[user + 1]].tolist() == expected
        judged += len(found) > 0 and len(expected) > 0
    assert judged > 5


def test_run_cold_users_have_nothing_but_cold_events_and_all_are_to_be_found(tmp_path, files):
    data = prepared(tmp_path / "data", files, "data.cold_users=0.1")
    events = data.events
    cold_users = np.unique(events.user_row[events.split == COLD])
    assert len(cold_users) == 3
    assert (events.split[np.isin(events.user_row, cold_users)] == COLD).all()
    question = task.build_task(data, "cold")
    assert question.users.tolist() == cold_users.tolist()
    assert list(slices.build_slices(question)["users"]) == ["cold"]
    distinct = {
        (u, i) for u, i in zip(events.user_row, events.item_row, strict=True) if u in cold_users
    }
    assert len(question.target_item) == len(distinct)


def test_run_fitted_state_is_that_of_files_without_the_cold_ones(tmp_path, files):
    sets = ("data.cold_items=0.2", "data.cold_users=0.1", "data.seed=3")
    data = prepared(tmp_path / "held", files, *sets)
    events = data.events
    cold_items = data.items["id"].gather(np.unique(events.item_row[data_cold_items(data)]))
    warm_users = data.users["id"].gather(np.unique(events.user_row[events.split != COLD]))
    # The same log without the events and the rows of what is cold: everything fitted is the same, byte for byte.
    rest = tmp_path / "rest"
    rest.mkdir()
    raw = pl.read_csv(files["interactions"], infer_schema=False)
    kept = raw.filter(
        ~pl.col("item_id").is_in(cold_items.implode()),
        pl.col("user_id").is_in(warm_users.implode()),
    )
    kept.write_csv(rest / "interactions.csv")
    for name, column, gone in (("items", "item_id", cold_items), ("users", "user_id", None)):
        table = pl.read_csv(files[name], infer_schema=False)
        keep = (
            ~pl.col(column).is_in(gone.implode())
            if gone is not None
            else (pl.col(column).is_in(warm_users.implode()) | (pl.col(column) == "profile-only"))
        )
        table.filter(keep).write_csv(rest / f"{name}.csv")
    for path in files["items"].parent.glob("pics"):
        (rest / "pics").symlink_to(path)
    alone = prepared(
        tmp_path / "alone", {n: rest / f"{n}.csv" for n in ("interactions", "items", "users")}
    )
    for name in ("features.json", "tokenizer.json"):
        assert filecmp.cmp(
            data.path / "features" / name, alone.path / "features" / name, shallow=False
        ), name
    warm = alone.items.select("id", "popularity")
    same = warm.join(
        data.items.select("id", "popularity"), on="id", how="left", maintain_order="left"
    )
    assert same["popularity"].to_list() == same["popularity_right"].to_list()
    # What is warm is divided as if the cold events had never been.
    for code in (TRAIN, VALID, TEST):
        assert (events.split == code).sum() == (alone.events.split == code).sum()


def data_cold_items(data):
    """Events of items that nobody has warm events of."""
    events = data.events
    return (events.split == COLD) & ~np.isin(events.item_row, events.item_row[events.split != COLD])


def test_run_same_seed_holds_the_same_out(tmp_path, files):
    prints = [
        prepared(tmp_path / n, files, "data.cold_items=0.2", f"data.seed={s}").manifest.fingerprints
        for n, s in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert prints[0] == prints[1] != prints[2]


def test_task_cold_of_data_that_hold_nothing_out_says_how(tmp_path):
    data = worlds.planted_cycle(tmp_path)
    with pytest.raises(M6RecError, match="the split `cold` has no labelled events") as caught:
        task.build_task(data, "cold")
    assert "data.cold_items=0.1" in (caught.value.hint or "")


def test_evaluate_cold_split_is_judged_with_every_baseline(tmp_path, files):
    from m6rec_cli.evaluation.baselines._base import BASELINES
    from m6rec_cli.stages.evaluate import EvaluationRequest, run

    prepared(tmp_path / "data", files, "data.cold_items=0.2")
    config = configuration.resolve(sets=["evaluate.split=cold", "evaluate.bootstrap=0"])
    summary = run(
        config,
        tmp_path / "data",
        EvaluationRequest(baselines=tuple(BASELINES.option_names())),
        None,
        SilentReporter(),
    )
    assert summary["split"] == "cold"
    found = summary["systems"]["contentknn"]["slices"]["item_popularity"]
    assert list(found) == ["cold"]
    json.dumps(summary, allow_nan=False)
