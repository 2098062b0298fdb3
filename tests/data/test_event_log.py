"""Ranges of an event log, in memory and on disk; data directories with other events."""

import shutil
from collections import namedtuple
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m6rec_cli.data import store
from m6rec_cli.data.event_log import history_bounds, iterate_events, read_events
from m6rec_cli.data.events import EVENT_TYPES, Events
from m6rec_cli.data.multi_domain import open_domains
from m6rec_cli.data.queries import later_events, next_events
from m6rec_cli.data.refit_data import with_validation_events
from m6rec_cli.data.store import Dataset
from m6rec_cli.data.stored_events import BYTES_PER_EVENT, StoredEvents, long_log_on_disk
from m6rec_cli.data.user_events import users_with_targets, with_events_of
from m6rec_cli.system.errors import M6RecError
from tests.data_directories import write_data
from tests.worlds import mixed


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return mixed(tmp_path / "data", n_users=40)


def made_events(lengths: list[int]) -> Events:
    user = np.repeat(np.arange(len(lengths)), lengths)
    rng = np.random.default_rng(0)
    columns = {name: rng.integers(0, 100, len(user)) for name in EVENT_TYPES} | {"user_row": user}
    return Events(**{name: columns[name].astype(dtype) for name, dtype in EVENT_TYPES.items()})


def assert_equal(a: Events, b: Events) -> None:
    for name, array in a.columns().items():
        assert array.dtype == EVENT_TYPES[name]
        np.testing.assert_array_equal(array, b.columns()[name], err_msg=name)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 9), max_size=12), st.integers(1, 30))
def test_history_bounds_cut_between_users_at_the_first_place_that_is_large_enough(lengths, size):
    log = made_events(lengths)
    bounds = history_bounds(log, size)
    assert (bounds[0], bounds[-1]) == (0, len(log))
    for start, stop in pairwise(bounds):
        users = log.user_row[start:stop]
        assert not np.isin(users, log.user_row[stop:]).any()
        assert stop == len(log) or stop - start >= size
        assert np.sum(users != users[-1]) < size


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.integers(1, 30), st.data())
def test_stored_events_are_read_as_those_in_memory(tmp_path_factory, lengths, size, draw):
    log = made_events(lengths)
    middle = len(log) // 3
    parts = [log.take(np.arange(middle)), log.take(np.arange(middle, len(log)))]
    stored = StoredEvents.write(tmp_path_factory.mktemp("stored"), parts)
    assert len(stored) == len(log)
    bounds = history_bounds(log, size)
    if not len(log):
        return
    np.testing.assert_array_equal(history_bounds(stored, size), bounds)
    assert_equal(Events.concatenate(list(iterate_events(stored, size))), log)
    n_chunks = len(bounds) - 1
    drawn = draw.draw(st.sets(st.integers(0, n_chunks - 1), min_size=1))
    chunks = np.array(sorted(drawn))
    positions = [np.arange(len(log))[bounds[c] : bounds[c + 1]] for c in chunks]
    assert_equal(read_events(stored, bounds, chunks), log.take(np.concatenate(positions)))
    assert_equal(read_events(log, bounds, chunks), log.take(np.concatenate(positions)))


def test_event_parts_are_bounded_and_follow_each_other(tmp_path, monkeypatch):
    users = np.repeat(np.arange(7), 6)
    data = write_data(tmp_path / "data", users, users, timestamp=np.arange(42), files=3)
    whole = data.events
    monkeypatch.setattr(store, "_ROWS_PER_READ", 7)
    parts = list(data.event_parts())
    assert max(map(len, parts)) == 7
    assert_equal(Events.concatenate(parts), whole)


def test_event_parts_of_a_log_without_events_are_one_empty_part(tmp_path):
    data = write_data(tmp_path / "data", [], [], n_users=2, n_items=2)
    assert [len(part) for part in data.event_parts()] == [0]
    assert len(data.events) == 0


def test_a_short_log_stays_in_memory(data, report):
    with long_log_on_disk(data, len(data.events), report) as same:
        assert same is data
    assert report.notes == []


def test_a_long_log_is_read_from_a_folder_that_is_removed_at_the_end(data, report):
    with long_log_on_disk(data, len(data.events) - 1, report) as on_disk:
        assert isinstance(on_disk.log, StoredEvents)
        folder = on_disk.log.folder
        assert sum((folder / name).stat().st_size for name in EVENT_TYPES) == BYTES_PER_EVENT * len(
            data.events
        )
        assert_equal(Events.concatenate(list(iterate_events(on_disk.log, 10))), data.events)
    assert not folder.exists()
    (note,) = report.notes
    assert note.startswith(f"{len(data.events):,} events are read in blocks of")


def test_a_long_log_without_room_in_the_temporary_folder_is_refused(data, report, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**6, 10**6, 0))
    with (
        pytest.raises(M6RecError, match="no room for the event log") as error,
        long_log_on_disk(data, 10, report),
    ):
        pass
    assert error.value.hint is not None
    assert "TMPDIR" in error.value.hint


def test_several_domains_and_a_refit_are_stored_as_they_are_in_memory(tmp_path, report):
    a, b = (
        write_data(tmp_path / name, np.repeat(np.arange(5), 4), np.arange(20), item_ids=ids)
        for name, ids in (("a", [f"a{i}" for i in range(20)]), ("b", [f"b{i}" for i in range(20)]))
    )
    both = with_validation_events(open_domains([a.path, b.path]))
    with long_log_on_disk(both, 10, report) as on_disk:
        stored = Events.concatenate(list(iterate_events(on_disk.log, 8)))
    assert_equal(stored, both.events)
    assert (np.bincount(stored.split, minlength=3)[:3] == [30, 0, 10]).all()
    assert stored.user_row.max() == 9
    assert stored.item_row.max() == 39


@pytest.mark.parametrize("is_on_disk", [False, True])
def test_events_of_some_users_ask_the_same_queries_as_all(data, report, is_on_disk):
    most = 10 if is_on_disk else len(data.events)
    with long_log_on_disk(data, most, report) as whole:
        users = users_with_targets(whole, "valid")
        np.testing.assert_array_equal(users, np.unique(data.truth("valid").user_row))
        chosen = users[::2]
        some = with_events_of(whole, chosen)
        np.testing.assert_array_equal(np.unique(some.events.user_row), chosen)
    for ask in (later_events, next_events):
        ours, theirs = ask(some, "valid", chosen), ask(data, "valid", chosen)
        np.testing.assert_array_equal(ours.item, theirs.item)
        np.testing.assert_array_equal(ours.query, theirs.query)
        for q in range(len(ours.queries)):
            mine, yours = (
                h.queries.events.item_row[h.queries.start[q] : h.queries.stop[q]]
                for h in (ours, theirs)
            )
            np.testing.assert_array_equal(mine, yours)
