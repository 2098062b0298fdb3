"""A state and newer events give what a full pass over the whole log gives, in whatever pieces the log came."""

import dataclasses

import numpy as np
import polars as pl
import pytest

from m6rec_cli.inference import incremental, loaded_run, profile_digests, raw_inputs
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from tests.inference.trained import shop, write

__all__ = ["shop"]

HEADER = "user_id,item_id,timestamp,event"
START = 1_600_000_000


def limited(run, most):
    """The run with another `max_history`."""
    model = dataclasses.replace(run.config.model, max_history=most)
    return dataclasses.replace(run, config=dataclasses.replace(run.config, model=model))


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


class Keeper:
    """Feeds pieces of a log to one state directory."""

    def __init__(self, run, folder):
        self.run, self.folder, self.n = run, folder, 0

    def feed(self, rows, *, profiles=None, run=None):
        self.n += 1
        log = write(self.folder, f"piece-{self.n}.csv", HEADER, rows) if rows else None
        self.report = SilentReporter()
        audience = incremental.audience(
            run or self.run, log, profiles, self.folder / "state", self.report
        )
        audience.save(self.folder / "state")
        self.counts = audience.counts
        return audience

    def whole(self, rows, *, profiles=None, run=None):
        log = write(self.folder, "whole.csv", HEADER, rows)
        return raw_inputs.audience(run or self.run, log, profiles, SilentReporter())


@pytest.fixture
def keeper(shop, tmp_path):
    return Keeper(shop.loaded, tmp_path)


def assert_equal(kept, whole):
    assert set(kept.ids) >= set(whole.ids)
    at = {name: row for row, name in enumerate(kept.ids)}
    rows, theirs = np.array([at[name] for name in whole.ids]), np.arange(len(whole.ids))
    np.testing.assert_allclose(kept.contexts(rows)[0], whole.contexts(theirs)[0], atol=2e-5)
    np.testing.assert_array_equal(kept.basis(rows), whole.basis(theirs))
    seen, expected = (
        {(int(o), int(i)) for o, i in zip(*a.seen(r), strict=True)}
        for a, r in ((kept, rows), (whole, theirs))
    )
    assert seen == expected


@pytest.mark.parametrize("most", [200, 3])
@pytest.mark.parametrize("kind", ["in order", "late", "the whole log again"])
def test_audience_in_pieces_equals_the_full_pass(shop, tmp_path, kind, most):
    """Also beyond `max_history`, where a full pass forgets and a carried state would not."""
    rng = np.random.default_rng(most)
    keeper = Keeper(limited(shop.loaded, most), tmp_path)
    rows = random_log(rng)
    order = rng.permutation(len(rows)) if kind == "late" else np.arange(len(rows))
    pieces = [[rows[i] for i in sorted(part)] for part in np.array_split(order, 3)]
    fed = []
    for number, piece in enumerate(pieces):
        fed += piece
        given = fed if kind == "the whole log again" else piece
        kept = keeper.feed(given, profiles=shop.users)
        # Events of the same time stay in the order in which they came.
        assert_equal(kept, keeper.whole(fed, profiles=shop.users))
        if kind == "in order":
            assert keeper.report.warnings == []
            assert keeper.counts["new_events"] + keeper.counts["known_events"] == len(piece)
            assert most < 200 or keeper.counts["known_events"] == 0
        if kind == "the whole log again":
            assert keeper.counts["late_events"] == 0
        if number and kind == "late":
            assert keeper.counts["late_events"] > 0
            (warning,) = keeper.report.warnings
            assert warning.startswith(
                f"{keeper.counts['late_events']} events are older than what the state had read"
            )
        if number and kind != "late" and most == 200:
            assert keeper.counts["read_anew"] == 0
            assert keeper.counts["advanced"] == len({user for user, *_ in piece})


def test_audience_reads_new_events_alone(keeper, monkeypatch):
    rows = random_log(np.random.default_rng(0))
    keeper.feed(rows)
    read = []
    advance = incremental.advanced_contexts
    monkeypatch.setattr(
        incremental,
        "advanced_contexts",
        lambda m, i, tokens, *rest: read.append(tokens.item) or advance(m, i, tokens, *rest),
    )
    monkeypatch.setattr(incremental.UserHistories, "contexts", None)
    kept = keeper.feed(
        [
            ("u3", 105, START + 10**7, "buy"),
            ("u3", 106, START + 10**7, "buy"),
            ("u5", 107, START + 10**7, "view"),
        ]
    )
    assert sorted(x[x >= 0].tolist() for x in read) == [[5, 6], [7]]
    assert set(kept.ids.gather(kept.moved)) == {"u3", "u5"}


def test_audience_duplicates_of_the_last_time_are_skipped(keeper):
    base = [("a", 101, START, "view"), ("a", 102, START + 9, "view"), ("a", 103, START + 9, "view")]
    keeper.feed(base)
    kept = keeper.feed([("a", 103, START + 9, "view"), ("a", 102, START + 9, "view")])
    assert (keeper.counts["known_events"], keeper.counts["new_events"], len(kept.moved)) == (
        2,
        0,
        0,
    )
    # Another item, or another kind of event, at the same time is new.
    more = [("a", 104, START + 9, "view"), ("a", 103, START + 9, "buy")]
    kept = keeper.feed([*base[1:], *more])
    assert (
        keeper.counts["known_events"],
        keeper.counts["new_events"],
        keeper.counts["advanced"],
    ) == (
        2,
        2,
        1,
    )
    assert_equal(kept, keeper.whole([*base, *more]))


def test_audience_events_of_one_time_across_the_end_of_what_is_kept(shop, tmp_path):
    """Read again, none of them is taken for a late one."""
    keeper = Keeper(limited(shop.loaded, 1), tmp_path)
    rows = [("a", 100 + i, START + (0 if i < 6 else i), "view") for i in range(8)]
    keeper.feed(rows)
    kept = keeper.feed(rows)
    assert (keeper.counts["new_events"], keeper.report.warnings, len(kept.moved)) == (0, [], 0)
    assert_equal(kept, keeper.whole(rows))


def test_audience_event_before_all_that_is_kept_is_seen_and_not_read(shop, tmp_path):
    keeper = Keeper(limited(shop.loaded, 1), tmp_path)
    rows = [("a", 101 + i, START + i, "view") for i in range(6)]
    before = keeper.feed(rows).contexts(np.array([0]))[0]
    kept = keeper.feed([("a", 130, START - 5, "view"), *rows])
    assert (keeper.counts["late_events"], keeper.counts["read_anew"]) == (0, 0)
    np.testing.assert_array_equal(kept.contexts(np.array([0]))[0], before)
    assert kept.moved.tolist() == [0]
    assert 30 in kept.seen(np.array([0]))[1]
    assert 30 in keeper.feed([]).seen(np.array([0]))[1]
    assert len(keeper.feed([("a", 130, START - 5, "view"), *rows]).moved) == 0


def test_audience_without_a_log_is_the_state(keeper):
    rows = random_log(np.random.default_rng(1))
    keeper.feed(rows)
    before = (keeper.folder / "state" / "state.json").read_bytes()
    kept = keeper.feed([])
    assert_equal(kept, keeper.whole(rows))
    assert len(kept.moved) == 0
    assert (keeper.folder / "state" / "state.json").read_bytes() == before


def test_audience_of_a_night_without_events_is_the_state(keeper, tmp_path):
    rows = random_log(np.random.default_rng(5))
    before = keeper.feed(rows)
    keeper.n += 1
    nothing = write(tmp_path, f"piece-{keeper.n}.csv", HEADER, [])
    report = SilentReporter()
    audience = incremental.audience(keeper.run, nothing, None, tmp_path / "state", report)
    assert_equal(audience, before)
    assert len(audience.moved) == 0
    assert any("there is nothing newer than the state" in warning for warning in report.warnings)
    with pytest.raises(M6RecError, match="holds no records"):
        incremental.audience(keeper.run, nothing, None, tmp_path / "other", SilentReporter())


def test_audience_users_with_a_profile_alone_are_always_among_the_moved(shop, keeper):
    keeper.feed([("1", 100, START, "view")], profiles=shop.users)
    again = keeper.feed([], profiles=shop.users)
    alone = again.ids.gather(again.moved).to_list()
    assert "900" in alone
    assert "1" not in alone


def test_audience_changed_profile_is_read_anew(shop, keeper, tmp_path):
    rows = [("1", 101, START, "view"), ("2", 102, START, "view"), ("7", 103, START, "view")]
    keeper.feed(rows, profiles=shop.users)
    # Row order, other users, users without a row: what counts is the encoded profile of the user himself.
    users = write(tmp_path, "u.csv", "user_id,taste", [(5, "red"), (2, "gold"), (1, "blue")])
    kept = keeper.feed([], profiles=users)
    assert kept.ids.gather(kept.moved).to_list() == ["2", "7", "5"], "5 has a profile alone"
    assert_equal(kept, keeper.whole(rows, profiles=users))


def test_audience_profiles_are_wanted_again(shop, keeper):
    keeper.feed([("1", 101, START, "view")], profiles=shop.users)
    with pytest.raises(M6RecError, match="the state was made with profiles, and none are given"):
        keeper.feed([("1", 102, START, "view")])


def test_profile_digests_tell_profiles_apart_and_ignore_padding():
    from m6rec_cli.data.store import FeatureArray

    @dataclasses.dataclass
    class Given:
        profiles: dict

    def told(values, mask=None, dtype=np.int32):
        values = np.asarray(values, dtype)
        return profile_digests.profile_digests(
            Given(
                {"f": FeatureArray(values, np.ones(len(values), bool) if mask is None else mask)}
            ),
            len(values),
        )

    lists = told([[1, 2, -1], [2, 1, -1], [1, -1, -1], [1, 2, 0]])
    assert len(set(lists.tolist())) == 4
    np.testing.assert_array_equal(told([[1, 2], [2, 1], [1, -1]]), lists[:3])
    assert told([[1.5], [0.0]], np.array([True, False]), np.float32)[1] == 0
    assert told([[0.0]], dtype=np.float32)[0] != 0
    assert len(set(told(np.eye(4, dtype=np.uint8)[:, :, None], dtype=np.uint8).tolist())) == 4


def test_audience_items_that_enter_leave_and_change(shop, keeper, tmp_path):
    """Events on an unknown item wait in the state until a catalogue knows it."""
    rows = [
        ("a", 101, START, "view"),
        ("a", "N1", START + 5, "view"),
        ("b", "N1", START, "buy"),
        ("c", 110, START, "buy"),
    ]
    catalogue = "item_id,title,style,price"

    def known(style):
        table = write(
            tmp_path, "new.csv", catalogue, [("N0", "Another", "red", 4), ("N1", "New", style, 9)]
        )
        return raw_inputs.with_items(shop.loaded, table, None, SilentReporter())

    keeper.feed(rows)
    assert "2 of 4 events name items that the run does not know" in keeper.report.warnings[0]
    for run, anew in ((known("gold"), 2), (known("gold"), 0), (known("red"), 2), (shop.loaded, 2)):
        kept = keeper.feed([], run=run)
        assert keeper.counts["read_anew"] == anew
        assert_equal(kept, keeper.whole(rows, run=run))


def test_audience_strangers_and_profiles_alone(shop, keeper):
    rows = [("1", 101, START, "view"), ("1", 102, START + 7, "view")]
    keeper.feed(rows[:1], profiles=shop.users)
    kept = keeper.feed(rows[1:], profiles=shop.users).with_strangers(pl.Series("id", ["x"]))
    whole = keeper.whole(rows, profiles=shop.users).with_strangers(pl.Series("id", ["x"]))
    assert_equal(kept, whole)


def test_audience_refusals(shop, keeper):
    with pytest.raises(M6RecError, match="there is no state yet, and no events to make it from"):
        keeper.feed([])
    keeper.feed([("1", 101, START, "view")])
    with pytest.raises(M6RecError, match="the state was made by another model"):
        keeper.feed(
            [("1", 102, START, "view")], run=dataclasses.replace(shop.loaded, digest="another")
        )
    order = dataclasses.replace(
        shop.loaded, schema=dataclasses.replace(shop.loaded.schema, timestamp_format="order")
    )
    with pytest.raises(M6RecError, match="the order of the events has fractions") as caught:
        keeper.feed([("1", 102, 45000.52, "view")], run=order)
    assert "column `timestamp`" in str(caught.value.where)
    schema = dataclasses.replace(shop.loaded.schema, timestamp=None)
    with pytest.raises(
        M6RecError, match="the events have no time, so newer ones cannot be told from older ones"
    ):
        keeper.feed(
            [("1", 102, START, "view")], run=dataclasses.replace(shop.loaded, schema=schema)
        )


def test_fingerprint_follows_the_configuration_and_the_parameters(shop, tmp_path):
    import shutil

    from m6rec_cli.inference.loaded_run import load

    path = shutil.copytree(shop.run, tmp_path / "moved")
    same = load(path).digest
    assert same == shop.loaded.digest
    (path / "config.toml").write_text(
        (path / "config.toml").read_text().replace("max_history = 200", "max_history = 9")
    )
    assert load(path).digest != same


def test_run_that_is_replaced_while_it_is_read_is_read_again(shop, tmp_path, monkeypatch):
    import shutil

    path = shutil.copytree(shop.run, tmp_path / "run")
    read_graph = loaded_run._graph

    def replaced(file, n_items):
        monkeypatch.undo()
        (path / "config.toml").write_text(
            (path / "config.toml").read_text().replace("max_history = 200", "max_history = 9")
        )
        return read_graph(file, n_items)

    monkeypatch.setattr(loaded_run, "_graph", replaced)
    assert loaded_run.load(path).config.model.max_history == 9
