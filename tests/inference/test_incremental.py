"""Stored states and newer events equal a full pass over the whole log, however the log is cut."""

import numpy as np
import polars as pl
import pytest

from m6rec_cli.inference import state_advance
from m6rec_cli.inference.user_histories import UserHistories
from tests.inference.incremental_updates import (
    START,
    StateDirectory,
    assert_same_histories,
    state,
    with_max_history,
)
from tests.inference.trained import shop

__all__ = ["shop", "state"]


def random_log(rng, n=150, users=12):
    """Distinct events in order of time; some share their time."""
    times = START + np.sort(rng.integers(0, 10**6, n) // 5000 * 5000)
    rows = [
        (
            f"u{rng.integers(users)}",
            int(rng.integers(100, 140)),
            int(t),
            ("view", "buy")[rng.integers(2)],
        )
        for t in times
    ]
    return list(dict.fromkeys(rows))


@pytest.mark.parametrize("max_history", [200, 3])
@pytest.mark.parametrize("order", ["in order", "late", "the whole log again"])
def test_update_in_pieces_equals_a_full_pass(shop, tmp_path, order, max_history):
    """Also beyond `max_history`, where a full pass forgets and a state does not."""
    rng = np.random.default_rng(max_history)
    state = StateDirectory(with_max_history(shop.loaded, max_history), tmp_path)
    rows = random_log(rng)
    positions = rng.permutation(len(rows)) if order == "late" else np.arange(len(rows))
    pieces = [[rows[i] for i in sorted(part)] for part in np.array_split(positions, 3)]
    passed = []
    for number, piece in enumerate(pieces):
        passed += piece
        given = passed if order == "the whole log again" else piece
        updated = state.update(given, profiles=shop.users)
        # Events of the same time stay in the order in which they arrive.
        assert_same_histories(updated, state.full_pass(passed, profiles=shop.users))
        counts = state.counts
        if order == "in order":
            assert state.report.warnings == []
            assert counts["new_events"] + counts["known_events"] == len(piece)
            assert max_history < 200 or counts["known_events"] == 0
        if order == "the whole log again":
            assert counts["late_events"] == 0
        if number and order == "late":
            assert counts["late_events"] > 0
            (warning,) = state.report.warnings
            assert warning.startswith(
                f"{counts['late_events']} events are older than events that the state has read"
            )
        if number and order != "late" and max_history == 200:
            assert counts["reread"] == 0
            assert counts["advanced"] == len({user for user, *_ in piece})


def test_update_decodes_new_events_only(state, monkeypatch):
    state.update(random_log(np.random.default_rng(0)))
    decoded = []
    advance = state_advance.advance_contexts

    def record(model, items, tokens, *rest):
        decoded.append(tokens.item)
        return advance(model, items, tokens, *rest)

    monkeypatch.setattr(state_advance, "advance_contexts", record)
    monkeypatch.setattr(UserHistories, "contexts", None)
    updated = state.update(
        [
            ("u3", 105, START + 10**7, "buy"),
            ("u3", 106, START + 10**7, "buy"),
            ("u5", 107, START + 10**7, "view"),
        ]
    )
    assert sorted(x[x >= 0].tolist() for x in decoded) == [[5, 6], [7]]
    assert set(updated.ids.gather(updated.update.changed_rows)) == {"u3", "u5"}


def test_update_skips_repeated_events_of_the_last_time(state):
    base = [("a", 101, START, "view"), ("a", 102, START + 9, "view"), ("a", 103, START + 9, "view")]
    state.update(base)
    updated = state.update([("a", 103, START + 9, "view"), ("a", 102, START + 9, "view")])
    assert (state.counts["known_events"], state.counts["new_events"]) == (2, 0)
    assert not updated.update.is_changed
    # Another item or another kind of event at the same time is new.
    more = [("a", 104, START + 9, "view"), ("a", 103, START + 9, "buy")]
    updated = state.update([*base[1:], *more])
    assert (state.counts["known_events"], state.counts["new_events"]) == (2, 2)
    assert state.counts["advanced"] == 1
    assert_same_histories(updated, state.full_pass([*base, *more]))


def test_update_keeps_all_events_of_a_time_at_the_edge_of_what_is_stored(shop, tmp_path):
    """When they arrive again, none of them counts as late."""
    state = StateDirectory(with_max_history(shop.loaded, 1), tmp_path)
    rows = [("a", 100 + i, START + (0 if i < 6 else i), "view") for i in range(8)]
    state.update(rows)
    updated = state.update(rows)
    assert (state.counts["new_events"], state.report.warnings) == (0, [])
    assert not updated.update.is_changed
    assert_same_histories(updated, state.full_pass(rows))


def test_update_event_before_all_stored_events_is_seen_but_not_decoded(shop, tmp_path):
    state = StateDirectory(with_max_history(shop.loaded, 1), tmp_path)
    rows, user = [("a", 101 + i, START + i, "view") for i in range(6)], np.array([0])
    before = state.update(rows).contexts(user)[0]
    updated = state.update([("a", 130, START - 5, "view"), *rows])
    assert (state.counts["late_events"], state.counts["reread"]) == (0, 0)
    np.testing.assert_array_equal(updated.contexts(user)[0], before)
    assert updated.update.changed_rows.tolist() == [0]
    assert 30 in updated.seen(user)[1]
    assert 30 in state.update([]).seen(user)[1]
    again = state.update([("a", 130, START - 5, "view"), *rows])
    assert not again.update.is_changed


def test_update_without_a_log_gives_the_stored_states(state):
    rows = random_log(np.random.default_rng(1))
    state.update(rows)
    before = (state.folder / "state" / "state.json").read_bytes()
    updated = state.update([])
    assert_same_histories(updated, state.full_pass(rows))
    assert not updated.update.is_changed
    assert (state.folder / "state" / "state.json").read_bytes() == before


def test_update_with_unknown_users_and_profiles_equals_a_full_pass(shop, state):
    rows = [("1", 101, START, "view"), ("1", 102, START + 7, "view")]
    unknown = pl.Series("id", ["x"])
    state.update(rows[:1], profiles=shop.users)
    updated = state.update(rows[1:], profiles=shop.users).with_unknown_users(unknown)
    whole = state.full_pass(rows, profiles=shop.users).with_unknown_users(unknown)
    assert_same_histories(updated, whole)
