"""`recommend` over a planted shop: who gets which lists, from which inputs, in which files."""

import io
import json
import subprocess
import sys

import polars as pl
import pytest

from m6rec_cli.config.resolve import resolve
from m6rec_cli.stages import recommend
from m6rec_cli.stages.recommend import Inputs
from m6rec_cli.system.directories import exclusive_lock
from m6rec_cli.system.errors import M6RecError, UsageError
from m6rec_cli.system.progress import SilentReporter
from tests import worlds
from tests.inference.trained import STYLES, USERS, shop, style_of, write

__all__ = ["shop"]


@pytest.fixture
def ask(shop, tmp_path):
    """Lists of a request as a frame, with the summary and the warnings at hand."""

    def ask(*sets, out="recs.parquet", overwrite=True, **inputs):
        if not {"data", "interactions", "profiles"} & inputs.keys():
            inputs["data"] = shop.data
        ask.report = SilentReporter()
        ask.summary = recommend.run(
            resolve(sets=sets),
            Inputs(inputs.pop("run", shop.run), **inputs),
            str(tmp_path / out),
            ask.report,
            overwrite=overwrite,
        )
        return pl.read_parquet(tmp_path / out, glob=False) if out.endswith(".parquet") else None

    return ask


def file(folder, *lines, name="ids.txt"):
    (folder / name).write_text("\n".join(map(str, lines)))
    return folder / name


def lists(frame):
    return {
        user: part["item_id"].to_list()
        for (user,), part in frame.group_by("user_id", maintain_order=True)
    }


def assert_close(a, b):
    """The same lists, up to the last bits of the scores."""
    a, b = (x.sort("user_id", "rank") for x in (a, b))
    assert a.drop("score").equals(b.drop("score"))
    assert (a["score"] - b["score"]).abs().max() < 1e-4  # type: ignore[operator]


# Users and histories


def test_run_every_user_gets_a_full_list_of_unseen_items(shop, ask):
    frame = ask()
    assert frame.columns == ["user_id", "item_id", "rank", "score", "basis"]
    assert frame.schema["rank"] == pl.UInt32
    assert frame["user_id"].n_unique() == USERS + 5
    for (user,), part in frame.group_by("user_id"):
        assert part["rank"].to_list() == list(range(1, 11))
        assert part["score"].is_sorted(descending=True)
        assert (part["score"] < 0).all()
        assert part["item_id"].n_unique() == 10
        assert not set(part["item_id"]) & set(shop.history(user))
    assert ask.report.warnings == []
    assert ask.summary == {
        "stage": "recommend",
        "run": str(shop.run),
        "out": ask.summary["out"],
        "users": USERS + 5,
        "rows": 10 * (USERS + 5),
        "k": 10,
        "items": frame["item_id"].n_unique(),
        "basis": {"history+profile": USERS, "profile": 4, "popularity": 1},
    }
    json.dumps(ask.summary)


def test_run_lists_begin_with_the_users_own_style(ask):
    first = ask().filter(pl.col("rank") == 1, pl.col("basis") != "popularity")
    right = 0
    for user, item in first.select("user_id", "item_id").iter_rows():
        n = int(user)
        right += style_of(item) == STYLES[n - 900 if n >= 900 else n % 4]
    assert right == len(first)


def test_run_basis_says_what_each_list_rests_on(ask):
    basis = dict(ask("recommend.k=1").select("user_id", "basis").iter_rows())
    assert {basis[str(u)] for u in range(1, USERS + 1)} == {"history+profile"}
    assert {basis[str(u)] for u in range(900, 904)} == {"profile"}
    assert basis["904"] == "popularity"


def test_run_basis_of_raw_events_without_profiles_is_history(shop, ask):
    assert set(ask(interactions=shop.events)["basis"]) == {"history"}


def test_run_a_batch_equals_each_user_alone(shop, ask, tmp_path):
    whole = ask("recommend.noise_draws=4")
    for user in ("1", "17", "60", "902", "904"):
        alone = ask("recommend.noise_draws=4", users=str(file(tmp_path, user)))
        assert_close(alone, whole.filter(pl.col("user_id") == user))


def test_run_users_come_in_the_order_asked_each_once(ask, tmp_path):
    asked = ["904", "31", "nobody", "2", "31", "", "  7 ", "someone"]
    frame = ask(users=str(file(tmp_path, *asked)))
    assert list(lists(frame)) == ["904", "31", "nobody", "2", "7", "someone"]
    assert ask.summary["users"] == 6
    assert dict(frame.select("user_id", "basis").iter_rows())["nobody"] == "popularity"
    (warning,) = ask.report.warnings
    assert warning == (
        "2 of the users asked for have neither events nor a profile, first: `nobody`; "
        "their lists rest on what is popular"
    )
    assert_close(frame.filter(pl.col("user_id") == "31"), ask().filter(pl.col("user_id") == "31"))
    stranger, blank = (frame.filter(pl.col("user_id") == u) for u in ("nobody", "904"))
    assert stranger["item_id"].to_list() == blank["item_id"].to_list()


def test_run_users_from_standard_input(ask, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("5\n3\n"))
    assert list(lists(ask(users="-"))) == ["5", "3"]


def test_run_users_file_with_a_byte_order_mark(ask, tmp_path):
    path = tmp_path / "bom.txt"
    path.write_bytes(b"\xef\xbb\xbf5\r\n3\r\n")
    assert list(lists(ask(users=str(path)))) == ["5", "3"]
    assert ask.report.warnings == []


@pytest.mark.parametrize("header", ["user_id", "5"])
def test_run_users_file_may_have_the_header_of_a_column(ask, tmp_path, header):
    found = list(lists(ask(users=str(file(tmp_path, header, 3, 7)))))
    assert found == (["3", "7"] if header == "user_id" else ["5", "3", "7"])
    assert ask.report.warnings == []


def test_run_tells_what_it_leaves_out_of_a_log_and_a_night_without_any_event_is_none(
    shop, ask, tmp_path
):
    columns, late = "user_id,item_id,timestamp,event", ("31", 101, 9_999_999_999, "buy")
    log = write(tmp_path, "n.csv", columns, [late, ("31", 102, 1_700_000_000, "buy")])
    ask(interactions=log)
    (told,) = ask.report.warnings
    assert (
        "1 events are left out by the rule `events: timestamp before 1970 or in the future`, first: 101 (row 1)"
        in told
    )
    ask(interactions=shop.events, state=tmp_path / "state")
    found = ask(
        interactions=write(tmp_path, "late.csv", columns, [late]),
        state=tmp_path / "state",
        changed=True,
    )
    assert len(found) == 0
    assert any("nothing newer than the state" in warning for warning in ask.report.warnings)
    with pytest.raises(M6RecError, match="no event is left after cleaning"):
        ask(interactions=tmp_path / "late.csv")


@pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl"])
def test_run_nobody_asked_writes_an_empty_file(ask, tmp_path, suffix):
    ask(users=str(file(tmp_path, "")), out=f"none.{suffix}")
    assert (ask.summary["users"], ask.summary["rows"], ask.summary["basis"]) == (0, 0, {})
    assert ask.report.warnings == ["no users are asked for, so there are no lists"]
    text = (tmp_path / f"none.{suffix}").read_bytes()
    if suffix == "parquet":
        assert pl.read_parquet(tmp_path / "none.parquet").columns[:2] == ["user_id", "item_id"]
    else:
        assert text == (b"user_id,item_id,rank,score,basis\n" if suffix == "csv" else b"")


@pytest.mark.parametrize(("before", "back"), [("valid", 2), ("test", 1), ("all", 0)])
def test_run_before_ends_each_history(shop, ask, before, back):
    got = lists(ask("recommend.k=40", before=before))
    catalogue = {str(i) for i in range(100, 140)}
    for user in ("1", "2", "40"):
        assert set(got[user]) == catalogue - set(shop.history(user, back=back))


def test_run_before_equals_raw_events_cut_by_hand(shop, ask, tmp_path):
    rows = []
    for line in shop.events.read_text().splitlines()[1:]:
        user, item, *rest = line.split(",")
        if item != shop.history(user)[-1]:
            rows.append((user, item, *rest))
    cut = write(tmp_path, "cut.csv", "user_id,item_id,timestamp,event", rows)
    assert_close(ask(before="test"), ask(interactions=cut, profiles=shop.users))


# Raw events


@pytest.mark.parametrize("draws", [1, 4])
def test_run_raw_events_equal_the_data_directory(shop, ask, draws):
    sets = (f"recommend.noise_draws={draws}", "recommend.k=15")
    assert_close(ask(*sets), ask(*sets, interactions=shop.events, profiles=shop.users))


def test_run_raw_events_of_one_user_equal_those_of_all(shop, ask, tmp_path):
    rows = [
        line.split(",")
        for line in shop.events.read_text().splitlines()[1:]
        if line.startswith("33,")
    ]
    one = write(tmp_path, "one.csv", "user_id,item_id,timestamp,event", rows)
    alone = ask(
        "recommend.noise_draws=4",
        interactions=one,
        profiles=shop.users,
        users=str(file(tmp_path, "33")),
    )
    assert_close(alone, ask("recommend.noise_draws=4").filter(pl.col("user_id") == "33"))


def test_run_profiles_alone_equal_users_without_events(shop, ask):
    frame = ask(profiles=shop.users)
    assert set(frame["basis"]) == {"profile", "popularity"}
    cold = pl.col("user_id").is_in(["900", "903", "904"])
    assert_close(frame.filter(cold), ask().filter(cold))


def test_run_unknown_items_of_the_log_are_left_out_with_a_warning(shop, ask, tmp_path):
    base = [("new", 101, 1_600_000_000, "view"), ("new", 103, 1_600_300_000, "buy")]
    log = write(tmp_path, "a.csv", "user_id,item_id,timestamp,event", base)
    dirty = write(
        tmp_path,
        "b.csv",
        "user_id,item_id,timestamp,event",
        [*base, ("new", "X9", 1_600_100_000, "view"), ("other", "X9", 1_600_100_000, "view")],
    )
    clean, frame = ask(interactions=log), ask(interactions=dirty)
    assert ask.report.warnings == [
        "2 of 4 events name items that the run does not know and are left out, first: `X9`"
    ]
    assert_close(frame.filter(pl.col("user_id") == "new"), clean)
    assert set(frame.filter(pl.col("user_id") == "other")["basis"]) == {"popularity"}


def test_run_log_of_unknown_items_alone_still_answers(ask, tmp_path):
    log = write(
        tmp_path, "log.csv", "user_id,item_id,timestamp,event", [("a", "X", 1_600_000_000, "view")]
    )
    frame = ask(interactions=log)
    assert (len(frame), set(frame["basis"])) == (10, {"popularity"})


def test_run_unknown_event_kinds_count_as_the_first(shop, ask, tmp_path):
    first = recommend.load(shop.run).event_kinds[0]
    header, frames = "user_id,item_id,timestamp,event", []
    for kind in (first, "wish"):
        log = write(tmp_path, "k.csv", header, [("new", 101, 1_600_000_000, kind)])
        frames.append(ask(interactions=log))
    assert ask.report.warnings == [
        f"event kinds that the run does not know are read as `{first}`: wish"
    ]
    assert_close(*frames)


# New items


def test_run_new_item_is_scored_from_its_content(shop, ask, tmp_path):
    new = write(
        tmp_path,
        "new.csv",
        "item_id,title,style,price",
        [("N1", "Brand new", "gold", 9), ("N2", "Unknown style", "", 9), (100, "Known", "red", 1)],
    )
    frame = ask("recommend.k=42", items=new, titles=True, profiles=shop.users)
    assert ask.report.notes == ["2 items that the run does not know are scored from their content"]
    ranks = dict(frame.filter(pl.col("item_id") == "N1").select("user_id", "rank").iter_rows())
    assert ranks["903"] <= 11  # ahead of all items of other styles
    assert all(ranks[u] > 11 for u in ("900", "901", "902"))
    assert set(frame.filter(pl.col("item_id") == "N1")["title"]) == {"Brand new"}
    assert (
        frame.filter(pl.col("item_id") == "100", pl.col("user_id") == "900")["title"].item()
        == "Red thing 100"
    )


def test_run_events_on_new_items_count(shop, ask, tmp_path):
    new = write(tmp_path, "new.csv", "item_id,title,style,price", [("N1", "Brand new", "gold", 9)])
    log = write(
        tmp_path,
        "log.csv",
        "user_id,item_id,timestamp,event",
        [("a", "N1", 1_600_000_000, "view"), ("a", 131, 1_600_000_100, "view")],
    )
    frame = ask("recommend.k=39", items=new, interactions=log)
    assert ask.report.warnings == []
    assert set(frame["basis"]) == {"history"}
    assert not {"N1", "131"} & set(frame["item_id"])
    assert style_of(frame["item_id"][0]) == "gold"


def test_run_new_items_leave_the_data_directory_usable(shop, ask, tmp_path):
    new = write(tmp_path, "new.csv", "item_id,title,style,price", [("N1", "Brand new", "gold", 9)])
    frame = ask("recommend.k=3", items=new, allow=file(tmp_path, "N1", "131", "999"))
    assert ask.report.warnings[0].endswith("are not in the catalogue, first: `999`")
    assert set(frame["item_id"]) == {"N1", "131"}


def test_run_items_all_known_warns(shop, ask):
    plain = ask()
    assert_close(plain, ask(items=shop.items))
    assert ask.report.warnings == [f"the run knows every item of {shop.items}: none is added"]


# Filters


def test_run_seen_keep_lists_the_whole_catalogue(ask):
    frame = ask("recommend.k=500", "recommend.seen=keep")
    assert set(frame.group_by("user_id").len()["len"]) == {40}
    assert ask.summary["k"] == 500
    assert ask.report.warnings == [
        f"{USERS + 5} users got fewer than 500 items: the catalogue and the filters left no more"
    ]


def test_run_allow_and_deny(shop, ask, tmp_path):
    allow = file(tmp_path, *range(110, 125), name="allow")
    deny = file(tmp_path, *range(118, 130), name="deny")
    frame = ask("recommend.seen=keep", allow=allow, deny=deny)
    assert {tuple(sorted(items)) for items in lists(frame).values()} == {
        tuple(map(str, range(110, 118)))
    }
    assert ask.report.warnings == [
        f"{USERS + 5} users got fewer than 10 items: the catalogue and the filters left no more"
    ]


def test_run_ids_may_have_become_floats_and_have_a_header(ask, tmp_path):
    users = file(tmp_path, "user_id", "3.0", "7.0", name="users")
    frame = ask(
        users=str(users), allow=file(tmp_path, "item_id", "101.0", "102.0", "120.0", "121.0")
    )
    assert list(lists(frame)) == ["3", "7"]
    assert set(frame["item_id"]) <= {"101", "102", "120", "121"}
    assert [w for w in ask.report.warnings if "fewer than" not in w] == []


def test_run_parquet_in_a_folder_with_a_pattern_in_its_name(ask, tmp_path):
    (tmp_path / "runs[1]").mkdir()
    ask("recommend.k=2", out="runs[1]/recs.parquet")
    found = pl.read_parquet(tmp_path / "runs[1]" / "recs.parquet", glob=False)
    assert found.equals(ask("recommend.k=2"))


def test_run_text_that_is_not_utf_8_is_warned_of(shop, ask, tmp_path):
    log = write(
        tmp_path, "n.csv", "user_id,item_id,timestamp,event", [("new", 101, 1_600_000_000, "buy")]
    )
    log.write_bytes(log.read_bytes().replace(b"new", b"Jos\xe9"))
    assert list(lists(ask(interactions=log))) == ["Jos\ufffd"]
    assert any(f"{log}, line 2: no UTF-8 text" in warning for warning in ask.report.warnings)


def test_run_many_frames_make_one_file(ask, tmp_path, monkeypatch):
    whole = ask("recommend.k=3", out="whole.parquet")
    monkeypatch.setattr("m6rec_cli.inference.ranked_lists._USERS_AT_ONCE", 16)
    parts = ask("recommend.k=3", out="parts.parquet")
    assert parts["user_id"].to_list() == whole["user_id"].to_list()
    assert_close(parts, whole)
    assert {path.suffix for path in tmp_path.iterdir()} == {".parquet"}


def test_run_users_with_nothing_left_are_counted_as_short(shop, ask, tmp_path):
    seen = shop.history("1")[0]
    frame = ask(allow=file(tmp_path, seen), profiles=shop.users, interactions=shop.events)
    assert "1" not in set(frame["user_id"])
    assert ask.summary["users"] == USERS + 5 == sum(ask.summary["basis"].values())
    assert ask.report.warnings[0].startswith(f"{USERS + 5} users got fewer than 10 items")


@pytest.mark.parametrize("category", [None, "style"])
def test_run_max_per_category_keeps_the_best_of_each(ask, category):
    wide, frame = (
        ask("recommend.k=40"),
        ask("recommend.k=6", "recommend.max_per_category=2", category=category),
    )
    expected = {}
    for user, items in lists(wide).items():
        taken = dict.fromkeys(STYLES, 0)
        kept = []
        for item in items:
            taken[style_of(item)] += 1
            if taken[style_of(item)] <= 2:
                kept.append(item)
        expected[user] = kept[:6]
    assert lists(frame) == expected
    assert all(
        frame.group_by("user_id", maintain_order=True).agg(pl.col("rank"))["rank"].list.len() == 6
    )


def test_run_judge_weight_changes_the_order_and_keeps_the_rules(ask):
    plain, judged = ask(), ask("recommend.discriminator_weight=5.0")
    assert set(judged.group_by("user_id").len()["len"]) == {10}
    assert not judged["score"].equals(plain["score"])
    for (_,), part in judged.group_by("user_id"):
        assert part["score"].is_sorted(descending=True)


# State and explanations


def test_run_state_in_pieces_equals_one_pass(shop, ask, tmp_path):
    """Lists of three nights, each with its own events, against the whole log at once."""
    header, *rows = shop.events.read_text().splitlines()
    rows = sorted((line.split(",") for line in rows), key=lambda row: int(row[2]))
    state, columns = tmp_path / "state", {"user_id", "item_id", "rank", "score", "basis"}
    for night, part in enumerate((rows[:200], rows[200:280], rows[280:])):
        log = write(tmp_path, f"night-{night}.csv", header, part)
        frame = ask(interactions=log, profiles=shop.users, state=state)
        assert set(frame.columns) == columns
    assert_close(frame, ask(interactions=shop.events, profiles=shop.users))
    # The same night once more is the same answer, and the state alone is one, too.
    again = ask(interactions=log, profiles=shop.users, state=state, explain=True)
    assert ask.summary["state"] == {
        "directory": str(state),
        "users": USERS,
        "new_events": 0,
        "known_events": len(part),
        "late_events": 0,
        "advanced": 0,
        "read_anew": 0,
    }
    assert_close(again.select(frame.columns), frame)
    whole = ask(interactions=shop.events, profiles=shop.users, explain=True)
    # Items of nearly the same score may have changed places between the two.
    again, whole = (found.sort("user_id", "item_id") for found in (again, whole))
    assert [[e["item_id"] for e in events] for events in again["because_events"]] == [
        [e["item_id"] for e in events] for events in whole["because_events"]
    ]
    assert_close(ask(profiles=shop.users, state=state), frame)


def test_run_state_that_another_command_works_on_is_refused(shop, ask, tmp_path):
    """What the other one adds would be lost, since newer events are passed once."""
    with (
        exclusive_lock(tmp_path / "state"),
        pytest.raises(M6RecError, match="another m6rec process writes to the directory"),
    ):
        ask(interactions=shop.events, state=tmp_path / "state")
    assert not (tmp_path / "recs.parquet").exists(), "it is refused before any list is made"
    ask(interactions=shop.events, state=tmp_path / "state")


def test_run_changed_lists_only_whose_state_changed(shop, ask, tmp_path):
    ask(interactions=shop.events, state=tmp_path / "state")
    header = "user_id,item_id,timestamp,event"
    new = [("31", 101, 1_700_000_000, "buy"), ("new", 102, 1_700_000_000, "buy")]
    frame = ask(
        interactions=write(tmp_path, "n.csv", header, new), state=tmp_path / "state", changed=True
    )
    assert set(frame["user_id"]) == {"31", "new"}
    assert "101" not in set(frame.filter(pl.col("user_id") == "31")["item_id"])
    for inputs in ({"state": tmp_path / "state", "users": "-"}, {}):
        with pytest.raises(
            UsageError, match="`--changed` asks for the users whose `--state` changed"
        ):
            ask(changed=True, **inputs)


def test_run_that_fails_midway_leaves_the_state_so_that_the_same_command_lists_the_same_users(
    shop, ask, tmp_path, monkeypatch
):
    state = tmp_path / "state"
    ask(interactions=shop.events, state=state)
    log = write(
        tmp_path, "n.csv", "user_id,item_id,timestamp,event", [("31", 101, 1_700_000_000, "buy")]
    )
    before = {p: p.read_bytes() for p in state.rglob("*") if p.is_file()}
    with monkeypatch.context() as broken:
        broken.setattr(
            recommend._Told, "count", lambda *_: (_ for _ in ()).throw(M6RecError("half way"))
        )
        with pytest.raises(M6RecError, match="half way"):
            ask(interactions=log, state=state, changed=True)
    assert {p: p.read_bytes() for p in state.rglob("*") if p.is_file()} == before
    assert set(ask(interactions=log, state=state, changed=True)["user_id"]) == {"31"}


def test_run_state_and_hidden_features_exclude_each_other(shop, ask, tmp_path):
    with pytest.raises(UsageError, match="`--state` keeps what was read with all features"):
        ask(
            'recommend.hidden_features=["user.taste"]',
            interactions=shop.events,
            state=tmp_path / "state",
        )


def test_run_explain_does_not_name_what_is_hidden(ask):
    frame = ask("recommend.k=2", 'recommend.hidden_features=["style"]', explain=True)
    names = (
        frame.explode("because_parts").drop_nulls("because_parts").unnest("because_parts")["name"]
    )
    assert set(names) == {"id", "neighbours"}
    # Neighbours are known by the id.
    frame = ask("recommend.k=2", 'recommend.hidden_features=["id"]', explain=True)
    names = (
        frame.explode("because_parts").drop_nulls("because_parts").unnest("because_parts")["name"]
    )
    assert set(names) == {"style", "neighbours"}


@pytest.mark.parametrize("source", ["data", "items", "alone"])
def test_run_explain_adds_columns_in_every_format(shop, ask, tmp_path, source):
    inputs = {"explain": True, "users": str(file(tmp_path, 1, 904))}
    if source != "data":
        inputs |= {"interactions": shop.events, "profiles": shop.users}
    if source == "items":
        inputs["items"] = shop.items
    frame = ask("recommend.k=2", **inputs)
    assert frame.columns[-2:] == ["because_events", "because_parts"]
    mine, nobody = frame.to_dicts()[0], frame.to_dicts()[-1]
    assert set(mine["because_events"][0]) == {"item_id", "timestamp", "share", "effect"}
    assert {e["item_id"] for e in mine["because_events"]} <= set(shop.history("1"))
    assert {p["name"] for p in mine["because_parts"]} <= {
        "id",
        "neighbours",
        "content" if source == "alone" else "style",
    }
    assert nobody["because_events"] == []
    ask("recommend.k=2", out="recs.csv", **inputs)
    ask("recommend.k=2", out="recs.jsonl", **inputs)
    line = json.loads((tmp_path / "recs.jsonl").read_text().splitlines()[0])
    cells = pl.read_csv(tmp_path / "recs.csv").row(0, named=True)
    for column in ("because_events", "because_parts"):
        names = [r.get("item_id", r.get("name")) for r in mine[column]]
        assert [r.get("item_id", r.get("name")) for r in line[column]] == names
        assert [r.get("item_id", r.get("name")) for r in json.loads(cells[column])] == names


def test_run_explain_of_nobody_has_the_columns(ask, tmp_path):
    frame = ask(users=str(file(tmp_path, "")), explain=True)
    assert (len(frame), frame.columns[-2:]) == (0, ["because_events", "because_parts"])


# Files


def test_run_formats_hold_the_same(ask, tmp_path, capsys):
    frame = ask(titles=True)
    assert frame["title"][0].endswith(frame["item_id"][0])
    ask(titles=True, out="recs.csv")
    ask(titles=True, out="recs.jsonl")
    types = {"user_id": pl.String, "item_id": pl.String, "rank": pl.UInt32, "score": pl.Float32}
    text = (tmp_path / "recs.csv").read_text()
    for other in (
        pl.read_csv(io.StringIO(text), schema_overrides=types),
        pl.read_ndjson(tmp_path / "recs.jsonl", schema_overrides=types),
    ):
        assert other.equals(frame)
    assert (
        json.loads((tmp_path / "recs.jsonl").read_text().splitlines()[0])["user_id"]
        == frame["user_id"][0]
    )
    assert capsys.readouterr().out == ""


def test_run_standard_output_streams_the_csv(shop, ask, tmp_path, capsys, monkeypatch):
    from m6rec_cli.inference import ranked_lists as module

    ask(out="recs.csv")
    monkeypatch.setattr(module, "_USERS_AT_ONCE", 16)
    summary = recommend.run(resolve(), Inputs(shop.run, shop.data), "-", SilentReporter())
    assert summary is None
    streamed = capsys.readouterr().out
    assert streamed.count("user_id") == 1
    types = {"user_id": pl.String, "item_id": pl.String}
    both = [
        pl.read_csv(io.StringIO(t), schema_overrides=types)
        for t in (streamed, (tmp_path / "recs.csv").read_text())
    ]
    assert_close(*both)


def test_run_refuses_an_output_that_exists(ask, tmp_path):
    (tmp_path / "recs.csv").write_text("mine")
    with pytest.raises(M6RecError, match="the output exists") as caught:
        ask(out="recs.csv", overwrite=False)
    assert "--overwrite" in str(caught.value)
    assert (tmp_path / "recs.csv").read_text() == "mine"


@pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl"])
def test_run_failing_midway_leaves_the_old_file(ask, tmp_path, monkeypatch, suffix):
    out = tmp_path / f"recs.{suffix}"
    out.write_text("mine")

    def frames(self, rows):
        yield rows, pl.DataFrame({"user_id": ["a"], "item_id": ["b"], "rank": [1]})
        raise M6RecError("half way")

    monkeypatch.setattr(recommend.ListMaker, "frames", frames)
    monkeypatch.setattr(recommend._Told, "count", lambda *_: None)
    with pytest.raises(M6RecError, match="half way"):
        ask(out=out.name)
    assert out.read_text() == "mine"
    assert [p.name for p in tmp_path.iterdir()] == [out.name]


# Refusals


def test_run_bad_suffix(ask):
    with pytest.raises(UsageError, match=r"recs\.txt`: the suffix says no format") as caught:
        ask(out="recs.txt")
    assert ".parquet, .csv, .jsonl, or `-`" in str(caught.value)


def test_run_output_is_a_directory(ask, tmp_path):
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(M6RecError, match="the output is a directory where a file is wanted"):
        ask(out="d.csv")


@pytest.mark.parametrize("name", ["users", "allow", "deny"])
def test_run_missing_file_of_ids(ask, tmp_path, name):
    path = tmp_path / "none.txt"
    with pytest.raises(M6RecError, match="the file of ids does not exist") as caught:
        ask(**{name: str(path) if name == "users" else path})
    assert str(path) in str(caught.value)


def test_run_file_of_ids_that_is_no_text(ask, tmp_path):
    (tmp_path / "ids").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(M6RecError, match="the ids are not UTF-8 text"):
        ask(users=str(tmp_path / "ids"))


def test_run_filters_that_leave_no_item(ask, tmp_path):
    with pytest.raises(M6RecError, match="the allow and deny lists leave no item"):
        ask(allow=file(tmp_path, "x", "y"))


def test_run_category_without_a_cap(ask):
    with pytest.raises(UsageError, match="`--category` says what `--max-per-category` counts by"):
        ask(category="style")


def test_run_media_without_items(ask, tmp_path):
    with pytest.raises(
        UsageError, match="`--media` is the folder of the media of `--items` and `--users`"
    ):
        ask(media=tmp_path)


def test_run_output_that_is_an_input(shop, ask):
    before = shop.events.read_bytes()
    with pytest.raises(M6RecError, match="the output would replace the input") as caught:
        ask(interactions=shop.events, out=str(shop.events), overwrite=True)
    assert caught.value.hint == "choose another `--out`"
    assert shop.events.read_bytes() == before


def test_run_missing_media_folder(shop, ask, tmp_path):
    with pytest.raises(M6RecError, match="the media folder does not exist"):
        ask(items=shop.items, media=tmp_path / "none")


def test_run_unknown_category(ask):
    with pytest.raises(M6RecError, match="needs a categorical item feature, not `stile`") as caught:
        ask("recommend.max_per_category=1", category="stile")
    assert "did you mean `style`?" in str(caught.value)


def test_run_data_directory_of_another_catalogue(ask, tmp_path):
    worlds.planted_cycle(tmp_path / "other")
    with pytest.raises(M6RecError, match="the items of the data have no feature `style`") as caught:
        ask(data=tmp_path / "other")
    assert "preprocess --like" in str(caught.value)


def test_run_hidden_item_features_need_the_data_directory(shop, ask):
    with pytest.raises(M6RecError, match="hides item features of a data directory"):
        ask('recommend.hidden_features=["style"]', interactions=shop.events)


def test_run_hidden_profile_is_no_basis(shop, ask):
    frame = ask('recommend.hidden_features=["user.taste"]', profiles=shop.users)
    assert set(frame["basis"]) == {"popularity"}


def test_run_data_directory_given_for_a_run(shop, ask):
    with pytest.raises(
        M6RecError, match="a data directory is given where a run directory is wanted"
    ):
        ask(run=shop.data)


def test_run_missing_run_and_data(shop, ask, tmp_path):
    with pytest.raises(M6RecError, match="the run directory does not exist"):
        ask(run=tmp_path / "none")
    with pytest.raises(M6RecError, match="the data directory does not exist"):
        ask(data=tmp_path / "none")


@pytest.mark.parametrize("name", ["interactions", "profiles", "items"])
def test_run_missing_raw_file(ask, tmp_path, name):
    with pytest.raises(M6RecError, match="file does not exist") as caught:
        ask(**{name: tmp_path / "none.csv"})
    assert "none.csv" in str(caught.value)


def test_run_raw_file_without_a_column_of_the_schema(ask, tmp_path):
    log = write(
        tmp_path, "log.csv", "user_id,item,timestamp,event", [("a", 100, 1_600_000_000, "view")]
    )
    with pytest.raises(
        M6RecError, match="there is no column `item_id`, which the schema names as the item"
    ):
        ask(interactions=log)
    users = write(tmp_path, "users.csv", "user_id,age", [("a", 3)])
    with pytest.raises(M6RecError, match="the user table has no column `taste`"):
        ask(profiles=users)


@pytest.mark.slow
def test_run_two_processes_give_identical_files(shop, tmp_path):
    for name in ("a.parquet", "b.parquet"):
        words = [
            sys.executable,
            "-m",
            "m6rec_cli",
            "recommend",
            shop.run,
            "--data",
            shop.data,
            "--draws",
            "4",
            "--out",
            tmp_path / name,
            "-q",
        ]
        subprocess.run([*map(str, words)], check=True, capture_output=True)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
