"""Preprocessing: dropped events, splits, and warnings about both."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from m6rec_cli.data.manifest import CleaningRule
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from tests.stages.shop import DAY, Shop, preprocessed


def test_run_unknown_items_raise_an_error_with_the_first(shop: Shop, tmp_path: Path) -> None:
    paths = shop.paths
    with paths["interactions"].open() as file:
        text = (
            file.read()
            + "u0,B00X,1600000000,buy,3\nu1,B17Q,1600000000,buy,3\nu2,B00X,1600000000,buy,3\n"
        )
    (tmp_path / "events.csv").write_text(text)
    n = text.count("\n") - 3
    given = {**paths, "interactions": tmp_path / "events.csv"}
    with pytest.raises(
        M6RecError, match="3 events have item ids that are not in the catalogue"
    ) as error:
        preprocessed(tmp_path / "data", given)
    assert (
        error.value.where
        == f"{tmp_path}/events.csv, column `item_id`, first: `B00X` (row {n}), `B17Q` (row {n + 1})"
    )
    assert error.value.hint == f"add them to {paths['items']}, or pass `--unknown-items drop`"
    assert not (tmp_path / "data").exists()
    data, _ = preprocessed(tmp_path / "data", given, "data.unknown_items=drop")
    (rule,) = [r for r in data.manifest.cleaning if r.rule == "events: unknown items"]
    assert rule.dropped == 3


@pytest.mark.parametrize("mode", ["keep", "drop", "error"])
def test_run_unknown_users_are_kept_dropped_or_refused(
    shop: Shop, tmp_path: Path, mode: str
) -> None:
    paths = shop.paths
    text = paths["interactions"].read_text() + "stranger,i1,1600000000,buy,3\n"
    (tmp_path / "events.csv").write_text(text)
    given = {**paths, "interactions": tmp_path / "events.csv"}
    if mode == "error":
        with pytest.raises(M6RecError, match="1 event has user ids that are not in the user table"):
            preprocessed(tmp_path / "data", given, f"data.unknown_users={mode}")
        return
    data, _ = preprocessed(tmp_path / "data", given, f"data.unknown_users={mode}")
    assert ("stranger" in data.users["id"].to_list()) == (mode == "keep")
    if mode == "keep":
        row = data.users["id"].to_list().index("stranger")
        assert data.users["age"][row] is None


def test_run_k_core_removes_users_and_items_and_keeps_cold_items(
    shop: Shop, tmp_path: Path
) -> None:
    paths, full = shop.paths, shop.data
    data, _ = preprocessed(
        tmp_path / "data", paths, "data.min_user_events=6", "data.min_item_events=3"
    )
    log = data.events
    counts = np.bincount(log.user_row, minlength=data.n_users)
    assert (counts[counts > 0] >= 6).all()
    item_counts = np.bincount(log.item_row, minlength=data.n_items)
    assert (item_counts[item_counts > 0] >= 3).all()
    cold = data.items.filter(pl.Series(item_counts == 0))["id"].to_list()
    assert (
        cold
        == full.items.filter(pl.Series(np.bincount(full.events.item_row, minlength=15) == 0))[
            "id"
        ].to_list()
    )
    assert data.users["id"].to_list()[-1] == "profile-only"
    assert data.users["row"].to_list() == list(range(data.n_users))


def test_run_k_core_without_events_left_raises(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(M6RecError, match="no event is left after the minimum numbers of events"):
        preprocessed(tmp_path / "data", shop.paths, "data.min_user_events=1000")


def test_run_users_above_the_daily_limit_are_dropped(shop: Shop, tmp_path: Path) -> None:
    paths = shop.paths
    bot = "".join(f"bot,i{k % 14},{1_600_000_000 + k},view,1\n" for k in range(50))
    (tmp_path / "events.csv").write_text(paths["interactions"].read_text() + bot)
    data, _ = preprocessed(
        tmp_path / "data",
        {**paths, "interactions": tmp_path / "events.csv"},
        "data.max_user_events_per_day=20",
    )
    (rule,) = [r for r in data.manifest.cleaning if "bots" in r.rule]
    assert rule == CleaningRule(rule="events: of bots", dropped=50, examples=["bot"])
    assert "bot" not in data.users["id"].to_list()


@pytest.mark.parametrize(
    ("setting", "what"),
    [
        ("data.split=temporal", "a temporal split needs times"),
        ("data.max_user_events_per_day=5", "a daily limit needs times"),
    ],
)
def test_run_without_times_refuses_settings_that_need_them(
    tmp_path: Path, setting: str, what: str
) -> None:
    (tmp_path / "e.csv").write_text("user_id,item_id,order\na,x,1\na,y,2\n")
    with pytest.raises(M6RecError, match=what):
        preprocessed(tmp_path / "data", {"interactions": tmp_path / "e.csv"}, setting)


def test_run_temporal_split_stretched_by_a_wrong_time_warns(tmp_path: Path) -> None:
    lines = [f"u{n % 5},i{n % 7},{1_600_000_000 + n * DAY}" for n in range(200)]
    (tmp_path / "e.csv").write_text("\n".join(["user_id,item_id,timestamp", "u0,i0,60", *lines]))
    report = SilentReporter()
    preprocessed(
        tmp_path / "data",
        {"interactions": tmp_path / "e.csv"},
        "data.split=temporal",
        report=report,
    )
    (warning,) = (w for w in report.warnings if "split" in w)
    assert warning == (
        "the split `temporal` leaves only 1 of 201 events for training; "
        "a few events with wrong times may stretch the log"
    )


def test_run_suspicious_rules_and_unmatched_user_ids_warn(tmp_path: Path) -> None:
    lines = [
        f"{n % 5}.5,i{n % 7},{1_600_000_000 + n if n % 10 else 9_999_999_999 + n}"
        for n in range(100)
    ]
    (tmp_path / "e.csv").write_text("\n".join(["user_id,item_id,timestamp", *lines]))
    (tmp_path / "u.csv").write_text("user_id,age\n" + "".join(f"{n},{20 + n}\n" for n in range(5)))
    report = SilentReporter()
    preprocessed(
        tmp_path / "data",
        {"interactions": tmp_path / "e.csv", "users": tmp_path / "u.csv"},
        report=report,
    )
    assert any(
        "events dropped by the rule `events: timestamp before 1970 or in the future`: "
        "10 of 100, first: i0 (row 1)" in warning
        for warning in report.warnings
    )
    assert not any("users are not in the user table" in warning for warning in report.warnings)
    (tmp_path / "u.csv").write_text("user_id,age\n1,30\n2,31\n")
    preprocessed(
        tmp_path / "again",
        {"interactions": tmp_path / "e.csv", "users": tmp_path / "u.csv"},
        report=report,
    )
    assert any(
        "5 of 7 users are not in the user table, first: " in warning for warning in report.warnings
    )


def test_run_cold_split_with_few_training_events_warns_without_blaming_times(
    tmp_path: Path,
) -> None:
    lines = [f"u{n % 50},i{n % 7},{1_600_000_000 + n}" for n in range(100)]
    (tmp_path / "e.csv").write_text(
        "\n".join(["user_id,item_id,timestamp", *lines, "u0,i3,1700000000"])
    )
    report = SilentReporter()
    preprocessed(
        tmp_path / "data",
        {"interactions": tmp_path / "e.csv"},
        "data.cold_users=0.8",
        report=report,
    )
    (warning,) = (w for w in report.warnings if "events for training" in w)
    assert warning.startswith("the split `leave-one-out` leaves only")
    assert "wrong times" not in warning


@pytest.mark.parametrize("split", ["temporal", "ratio", "none"])
def test_run_other_splits_hold_out_later_events(shop: Shop, tmp_path: Path, split: str) -> None:
    data, _ = preprocessed(
        tmp_path / "data", shop.paths, f"data.split={split}", "data.test_fraction=0.3"
    )
    log = data.events
    if split == "none":
        assert not log.split.any()
        return
    assert set(log.split.tolist()) == {0, 2} | (
        {1} if split == "temporal" else set(log.split.tolist()) & {1}
    )
    if split == "temporal":
        assert log.timestamp[log.split == 0].max() < log.timestamp[log.split == 2].min()


def test_run_too_many_event_kinds_raise(tmp_path: Path) -> None:
    lines = "\n".join(f"a,x,{k},e{k}" for k in range(300))
    (tmp_path / "e.csv").write_text(f"user_id,item_id,order,event\n{lines}\n")
    with pytest.raises(M6RecError, match="300 event kinds, at most 255"):
        preprocessed(tmp_path / "data", {"interactions": tmp_path / "e.csv"})


def test_run_duplicate_item_ids_keep_the_first_row(shop: Shop, tmp_path: Path) -> None:
    paths = shop.paths
    (tmp_path / "items.csv").write_text(
        paths["items"].read_text() + "i0,Another,1,Acme,red,,\n,No id,1,Acme,red,,\n"
    )
    data, _ = preprocessed(
        tmp_path / "data",
        {**paths, "items": tmp_path / "items.csv", "media": paths["items"].parent},
    )
    assert data.items["display"][0] == "A fine thing number 0"
    rules = {r.rule: r.dropped for r in data.manifest.cleaning if r.dropped is not None}
    assert rules["items: duplicate ids, first kept"] == 1
    assert rules["items: no id"] == 1
