"""`recommend --state` and `--changed`: nightly updates of stored user states."""

import polars as pl
import pytest

from m6rec_cli.inference.ranked_lists import ListMaker
from m6rec_cli.system.errors import M6RecError, UsageError
from m6rec_cli.system.locks import exclusive_lock
from tests.inference.trained import USERS, shop, write
from tests.stages.recommending import ask, assert_close

__all__ = ["ask", "shop"]


def test_run_with_a_state_in_pieces_equals_one_full_pass(shop, ask, tmp_path):
    """Three nights with their own events give the lists of one run over the whole log."""
    header, *rows = shop.events.read_text().splitlines()
    rows = sorted((line.split(",") for line in rows), key=lambda row: int(row[2]))
    state, columns = tmp_path / "state", {"user_id", "item_id", "rank", "score", "basis"}
    for night, part in enumerate((rows[:200], rows[200:280], rows[280:])):
        log = write(tmp_path, f"night-{night}.csv", header, part)
        frame = ask(interactions=log, profiles=shop.users, state=state)
        assert set(frame.columns) == columns
    assert_close(frame, ask(interactions=shop.events, profiles=shop.users))
    # The same night again and the state alone give the same lists.
    again = ask(interactions=log, profiles=shop.users, state=state, explain=True)
    assert ask.summary["state"] == {
        "directory": str(state),
        "users": USERS,
        "new_events": 0,
        "known_events": len(part),
        "late_events": 0,
        "advanced": 0,
        "reread": 0,
    }
    assert_close(again.select(frame.columns), frame)
    whole = ask(interactions=shop.events, profiles=shop.users, explain=True)
    # Items with nearly equal scores may have changed places.
    again, whole = (found.sort("user_id", "item_id") for found in (again, whole))
    assert [[e["item_id"] for e in events] for events in again["because_events"]] == [
        [e["item_id"] for e in events] for events in whole["because_events"]
    ]
    assert_close(ask(profiles=shop.users, state=state), frame)


def test_run_with_a_state_that_another_process_holds_is_an_error(shop, ask, tmp_path):
    """Newer events are passed once, so an update of the other process would be lost."""
    with (
        exclusive_lock(tmp_path / "state"),
        pytest.raises(M6RecError, match="another m6rec process writes to the directory"),
    ):
        ask(interactions=shop.events, state=tmp_path / "state")
    assert not (tmp_path / "recs.parquet").exists(), "it is refused before any list is made"
    ask(interactions=shop.events, state=tmp_path / "state")


def test_run_changed_lists_only_users_whose_state_changed(shop, ask, tmp_path):
    ask(interactions=shop.events, state=tmp_path / "state")
    header = "user_id,item_id,timestamp,event"
    new = [("31", 101, 1_700_000_000, "buy"), ("new", 102, 1_700_000_000, "buy")]
    frame = ask(
        interactions=write(tmp_path, "n.csv", header, new), state=tmp_path / "state", changed=True
    )
    assert set(frame["user_id"]) == {"31", "new"}
    assert "101" not in set(frame.filter(pl.col("user_id") == "31")["item_id"])
    for flags in ({"state": tmp_path / "state", "user_ids": "-"}, {}):
        with pytest.raises(UsageError, match="`--changed` selects the users whose `--state`"):
            ask(changed=True, **flags)


def test_run_of_the_last_night_again_gives_the_same_lists(shop, ask, tmp_path):
    """A command that is killed after the state is replaced is simply repeated."""
    header, state = "user_id,item_id,timestamp,event", tmp_path / "state"
    ask(interactions=shop.events, state=state)
    first = write(tmp_path, "n.csv", header, [("31", 101, 1_700_000_000, "buy")])
    frame = ask(interactions=first, profiles=shop.users, state=state, changed=True)
    assert set(frame["user_id"]) > {"31", "900"}
    for _ in range(2):
        again = ask(interactions=first, profiles=shop.users, state=state, changed=True)
        assert again.equals(frame), "to the last bit"
    assert any("the events that the state read last" in note for note in ask.report.notes)
    second = write(tmp_path, "m.csv", header, [("32", 102, 1_700_000_001, "buy")])
    listed = ask(interactions=second, profiles=shop.users, state=state, changed=True)["user_id"]
    assert "32" in set(listed)
    assert "31" not in set(listed)
    # The night before the last is no repeat: the state holds its events, and changed since.
    listed = ask(interactions=first, profiles=shop.users, state=state, changed=True)["user_id"]
    assert not {"31", "32"} & set(listed)


def test_run_that_fails_midway_leaves_the_state_unchanged(shop, ask, tmp_path, monkeypatch):
    state = tmp_path / "state"
    ask(interactions=shop.events, state=state)
    log = write(
        tmp_path, "n.csv", "user_id,item_id,timestamp,event", [("31", 101, 1_700_000_000, "buy")]
    )
    before = {p: p.read_bytes() for p in state.rglob("*") if p.is_file()}
    frames = ListMaker.frames

    def fail_midway(self, rows):
        yield from frames(self, rows)
        raise M6RecError("half way")

    with monkeypatch.context() as broken:
        broken.setattr(ListMaker, "frames", fail_midway)
        with pytest.raises(M6RecError, match="half way"):
            ask(interactions=log, state=state, changed=True)
    assert {p: p.read_bytes() for p in state.rglob("*") if p.is_file()} == before
    assert set(ask(interactions=log, state=state, changed=True)["user_id"]) == {"31"}


def test_run_with_a_log_without_valid_events_keeps_the_state(shop, ask, tmp_path):
    columns, future = "user_id,item_id,timestamp,event", ("31", 101, 9_999_999_999, "buy")
    ask(interactions=shop.events, state=tmp_path / "state")
    log = write(tmp_path, "future.csv", columns, [future])
    found = ask(interactions=log, state=tmp_path / "state", changed=True)
    assert len(found) == 0
    assert any("nothing newer than the state" in warning for warning in ask.report.warnings)
    with pytest.raises(M6RecError, match="no event is left after cleaning"):
        ask(interactions=log)
