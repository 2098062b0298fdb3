"""Cold items and users are held out entirely: fitted state and counts do not depend on them."""

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


def test_cold_items_have_cold_events_alone(tmp_path, files):
    data = prepared(tmp_path / "data", files, "data.cold_items=0.2")
    events = data.events
    cold_items = np.unique(events.item_row[events.split == COLD])
    assert len(cold_items) == 3
    assert not np.isin(events.item_row[events.split != COLD], cold_items).any()
    assert (data.items["popularity"].to_numpy()[cold_items] == 0).all()
    counts = data.manifest.counts
    assert counts.events["cold"] == (events.split == COLD).sum() > 0
    assert counts.targets["cold"] == len(np.unique(events.user_row[events.split == COLD]))
    cold_task = task.build_task(data, "cold")
    assert list(slices.build_slices(cold_task)["item_popularity"]) == ["cold"]


def test_history_before_cold_events_ends_at_the_first_of_them(tmp_path, files):
    data = prepared(tmp_path / "data", files, "data.cold_items=0.2", "data.cold_users=0.1")
    events, history = data.events, data.history("cold")
    offsets, own = events.offsets(data.n_users), history.offsets(data.n_users)
    n_checked = 0
    for user in range(data.n_users):
        mine = events.take(np.arange(offsets[user], offsets[user + 1]))
        found = np.flatnonzero((mine.split == COLD) & mine.label)
        before = np.arange(found[0] if len(found) else len(mine))
        expected = [mine.item_row[i] for i in before if mine.split[i] != COLD]
        assert history.item_row[own[user] : own[user + 1]].tolist() == expected
        n_checked += len(found) > 0 and len(expected) > 0
    assert n_checked > 5


def test_cold_users_have_cold_events_alone_and_all_are_targets(tmp_path, files):
    data = prepared(tmp_path / "data", files, "data.cold_users=0.1")
    events = data.events
    cold_users = np.unique(events.user_row[events.split == COLD])
    assert len(cold_users) == 3
    assert (events.split[np.isin(events.user_row, cold_users)] == COLD).all()
    cold_task = task.build_task(data, "cold")
    assert cold_task.users.tolist() == cold_users.tolist()
    assert list(slices.build_slices(cold_task)["users"]) == ["cold"]
    distinct = {
        (u, i) for u, i in zip(events.user_row, events.item_row, strict=True) if u in cold_users
    }
    assert len(cold_task.target_item) == len(distinct)


def test_fitted_state_equals_that_of_files_without_cold_items_and_users(tmp_path, files):
    sets = ("data.cold_items=0.2", "data.cold_users=0.1", "data.seed=3")
    data = prepared(tmp_path / "held", files, *sets)
    events = data.events
    cold_items = data.items["id"].gather(np.unique(events.item_row[is_event_of_cold_item(data)]))
    warm_users = data.users["id"].gather(np.unique(events.user_row[events.split != COLD]))
    # The same files without cold rows and events: the fitted state is equal byte for byte.
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
    # Warm events are split as if there were no cold events.
    for code in (TRAIN, VALID, TEST):
        assert (events.split == code).sum() == (alone.events.split == code).sum()


def is_event_of_cold_item(data):
    """bool (events,), the events of items without warm events."""
    events = data.events
    return (events.split == COLD) & ~np.isin(events.item_row, events.item_row[events.split != COLD])


def test_same_seed_holds_out_the_same_items(tmp_path, files):
    fingerprints = [
        prepared(tmp_path / n, files, "data.cold_items=0.2", f"data.seed={s}").manifest.fingerprints
        for n, s in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert fingerprints[0] == fingerprints[1] != fingerprints[2]


def test_cold_task_of_data_without_cold_events_is_refused_with_a_hint(tmp_path):
    data = worlds.planted_cycle(tmp_path)
    with pytest.raises(M6RecError, match="the split `cold` has no labelled events") as caught:
        task.build_task(data, "cold")
    assert "data.cold_items=0.1" in (caught.value.hint or "")


def test_evaluate_on_the_cold_split_runs_with_each_baseline(tmp_path, files):
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
