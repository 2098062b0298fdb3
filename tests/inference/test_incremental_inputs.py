"""Updates of a state directory: changed profiles and items, logs without events, wrong inputs."""

import dataclasses

import pytest

from m6rec_cli.inference import incremental, new_items
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from tests.inference.incremental_updates import HEADER, START, assert_same_histories, state
from tests.inference.trained import shop, write

__all__ = ["shop", "state"]


def changed_ids(histories):
    return histories.ids.gather(histories.update.changed_rows).to_list()


def test_update_with_a_log_without_events_gives_the_stored_states(state, tmp_path):
    rows = [("a", 101, START, "view"), ("b", 102, START + 5, "buy")]
    before = state.update(rows)
    empty, report = write(tmp_path, "empty.csv", HEADER, []), SilentReporter()
    histories = incremental.update_histories(state.run, empty, None, tmp_path / "state", report)
    assert_same_histories(histories, before)
    assert changed_ids(histories) == []
    assert any("there is nothing newer than the state" in warning for warning in report.warnings)
    with pytest.raises(M6RecError, match="holds no records"):
        incremental.update_histories(state.run, empty, None, tmp_path / "other", SilentReporter())


def test_update_counts_users_with_only_a_profile_as_changed(shop, state):
    state.update([("1", 100, START, "view")], profiles=shop.users)
    changed = changed_ids(state.update([], profiles=shop.users))
    assert "900" in changed
    assert "1" not in changed


def test_update_rereads_users_whose_profile_changed(shop, state, tmp_path):
    rows = [("1", 101, START, "view"), ("2", 102, START, "view"), ("7", 103, START, "view")]
    state.update(rows, profiles=shop.users)
    # Another row order and other users change nothing: only the user's own encoded profile counts.
    users = write(tmp_path, "u.csv", "user_id,taste", [(5, "red"), (2, "gold"), (1, "blue")])
    updated = state.update([], profiles=users)
    assert changed_ids(updated) == ["2", "7", "5"], "user 5 has only a profile"
    assert_same_histories(updated, state.full_pass(rows, profiles=users))


def test_update_rereads_users_whose_items_enter_leave_or_change(shop, state, tmp_path):
    """Events on an unknown item stay in the state until a catalogue has the item."""
    rows = [
        ("a", 101, START, "view"),
        ("a", "N1", START + 5, "view"),
        ("b", "N1", START, "buy"),
        ("c", 110, START, "buy"),
    ]

    def run_with_item(style):
        items = [("N0", "Another", "red", 4), ("N1", "New", style, 9)]
        table = write(tmp_path, "new.csv", "item_id,title,style,price", items)
        return new_items.with_new_items(shop.loaded, table, None, SilentReporter())

    state.update(rows)
    assert "2 of 4 events are on items that the run does not know" in state.report.warnings[0]
    runs = (run_with_item("gold"), run_with_item("gold"), run_with_item("red"), shop.loaded)
    for run, n_reread in zip(runs, (2, 0, 2, 2), strict=True):
        updated = state.update([], run=run)
        assert state.counts["reread"] == n_reread
        assert_same_histories(updated, state.full_pass(rows, run=run))


def test_update_without_the_profiles_of_the_state_is_an_error(shop, state):
    state.update([("1", 101, START, "view")], profiles=shop.users)
    with pytest.raises(M6RecError, match="the state was made with profiles, and none are given"):
        state.update([("1", 102, START, "view")])


def test_update_without_a_state_and_a_log_is_an_error(state):
    with pytest.raises(
        M6RecError, match="there is no state yet, and there are no events to make it from"
    ):
        state.update([])


def test_update_by_another_run_is_an_error(shop, state):
    state.update([("1", 101, START, "view")])
    other = dataclasses.replace(shop.loaded, digest="another")
    with pytest.raises(M6RecError, match="the state was made by another model"):
        state.update([("1", 102, START, "view")], run=other)


def test_update_by_an_order_with_fractions_is_an_error(shop, state):
    schema = dataclasses.replace(shop.loaded.schema, timestamp_format="order")
    run = dataclasses.replace(shop.loaded, schema=schema)
    with pytest.raises(M6RecError, match="the order of the events has fractions") as caught:
        state.update([("1", 102, 45000.52, "view")], run=run)
    assert "column `timestamp`" in str(caught.value.where)


def test_update_without_times_is_an_error(shop, state):
    schema = dataclasses.replace(shop.loaded.schema, timestamp=None)
    run = dataclasses.replace(shop.loaded, schema=schema)
    with pytest.raises(
        M6RecError, match="the events have no time, so newer ones cannot be told from older ones"
    ):
        state.update([("1", 102, START, "view")], run=run)
