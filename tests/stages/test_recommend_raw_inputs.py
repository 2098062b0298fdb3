"""`recommend` from raw files: event logs, profiles and new items."""

import polars as pl
import pytest

from m6rec_cli.inference.loaded_run import load
from m6rec_cli.system.errors import M6RecError
from tests.inference.trained import shop, style_of, write
from tests.stages.recommending import ask, assert_close, lists_by_user, write_ids

__all__ = ["ask", "shop"]


@pytest.mark.parametrize("noise_draws", [1, 4])
def test_run_from_raw_events_equals_the_data_directory(shop, ask, noise_draws):
    sets = (f"recommend.noise_draws={noise_draws}", "recommend.k=15")
    assert_close(ask(*sets), ask(*sets, interactions=shop.events, profiles=shop.users))


def test_run_from_raw_events_of_one_user_equals_a_run_for_all(shop, ask, tmp_path):
    rows = [
        line.split(",")
        for line in shop.events.read_text().splitlines()[1:]
        if line.startswith("33,")
    ]
    one = write(tmp_path, "one.csv", "user_id,item_id,timestamp,event", rows)
    # By the model alone: popularity and co-occurrence are those of the log that is passed.
    sets = "recommend.noise_draws=4", "recommend.ranking=model"
    alone = ask(
        *sets,
        interactions=one,
        profiles=shop.users,
        user_ids=str(write_ids(tmp_path, "33")),
    )
    assert_close(alone, ask(*sets).filter(pl.col("user_id") == "33"))


def test_run_basis_of_raw_events_without_profiles_is_history(shop, ask):
    assert set(ask(interactions=shop.events)["basis"]) == {"history"}


def test_run_from_profiles_alone_equals_users_without_events(shop, ask):
    # By the model alone: a log adds to the popularity of items.
    frame = ask("recommend.ranking=model", profiles=shop.users)
    assert set(frame["basis"]) == {"profile", "popularity"}
    cold = pl.col("user_id").is_in(["900", "903", "904"])
    assert_close(frame.filter(cold), ask("recommend.ranking=model").filter(cold))


def test_run_with_unknown_items_in_the_log_leaves_them_out_with_a_warning(shop, ask, tmp_path):
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
        "2 of 4 events are on items that the run does not know and are left out, first: `X9`"
    ]
    assert_close(frame.filter(pl.col("user_id") == "new"), clean)
    assert set(frame.filter(pl.col("user_id") == "other")["basis"]) == {"popularity"}


def test_run_with_only_unknown_items_in_the_log_lists_by_popularity(ask, tmp_path):
    log = write(
        tmp_path, "log.csv", "user_id,item_id,timestamp,event", [("a", "X", 1_600_000_000, "view")]
    )
    frame = ask(interactions=log)
    assert (len(frame), set(frame["basis"])) == (10, {"popularity"})


def test_run_unknown_event_kinds_count_as_the_first_kind(shop, ask, tmp_path):
    first = load(shop.run).event_kinds[0]
    header, frames = "user_id,item_id,timestamp,event", []
    for kind in (first, "wish"):
        log = write(tmp_path, "k.csv", header, [("new", 101, 1_600_000_000, kind)])
        frames.append(ask(interactions=log))
    assert ask.report.warnings == [
        f"event kinds that the run does not know are read as `{first}`: wish"
    ]
    assert_close(*frames)


def test_run_warns_of_events_that_cleaning_drops(ask, tmp_path):
    rows = [("31", 101, 9_999_999_999, "buy"), ("31", 102, 1_700_000_000, "buy")]
    ask(interactions=write(tmp_path, "n.csv", "user_id,item_id,timestamp,event", rows))
    (warning,) = ask.report.warnings
    assert "timestamp before 1970 or in the future`: 1, first: 101 (row 1)" in warning


def test_run_with_text_that_is_not_utf_8_warns(shop, ask, tmp_path):
    rows = [("new", 101, 1_600_000_000, "buy", "NOTE")]
    log = write(tmp_path, "n.csv", "user_id,item_id,timestamp,event,note", rows)
    log.write_bytes(log.read_bytes().replace(b"NOTE", b"Jos\xe9"))
    assert list(lists_by_user(ask(interactions=log))) == ["new"]
    assert any(f"{log}, line 2: not UTF-8" in warning for warning in ask.report.warnings)


def test_run_with_ids_that_are_not_utf_8_raises(shop, ask, tmp_path):
    rows = [("new", 101, 1_600_000_000, "buy")]
    log = write(tmp_path, "n.csv", "user_id,item_id,timestamp,event", rows)
    log.write_bytes(log.read_bytes().replace(b"new", b"Jos\xe9"))
    with pytest.raises(M6RecError, match="letters that cannot be read"):
        ask(interactions=log)


def test_run_says_of_one_new_item_that_it_is_one(shop, ask, tmp_path):
    new = write(tmp_path, "new.csv", "item_id,title,style,price", [("N1", "New", "gold", 9)])
    ask(items=new)
    assert "1 new item is scored from its content" in ask.report.notes


def test_run_new_item_is_scored_from_its_content(shop, ask, tmp_path):
    new = write(
        tmp_path,
        "new.csv",
        "item_id,title,style,price",
        [("N1", "Brand new", "gold", 9), ("N2", "Unknown style", "", 9), (100, "Known", "red", 1)],
    )
    # By the model alone: learned weights may ask for popularity, which a new item has not.
    sets = "recommend.k=42", "recommend.ranking=model"
    frame = ask(*sets, items=new, titles=True, profiles=shop.users)
    assert ask.report.notes == ["2 new items are scored from their content"]
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


def test_run_adds_new_items_to_those_of_the_data_directory(shop, ask, tmp_path):
    new = write(tmp_path, "new.csv", "item_id,title,style,price", [("N1", "Brand new", "gold", 9)])
    frame = ask("recommend.k=3", items=new, allow=write_ids(tmp_path, "N1", "131", "999"))
    assert ask.report.warnings[0].endswith("are not in the catalogue, first: `999`")
    assert set(frame["item_id"]) == {"N1", "131"}


def test_run_with_known_items_only_warns(shop, ask):
    plain = ask()
    assert_close(plain, ask(items=shop.items))
    assert ask.report.warnings == [f"the run knows every item of {shop.items}: none is added"]


@pytest.mark.parametrize("name", ["interactions", "profiles", "items"])
def test_run_with_a_missing_raw_file_is_an_error(ask, tmp_path, name):
    with pytest.raises(M6RecError, match="file does not exist") as caught:
        ask(**{name: tmp_path / "none.csv"})
    assert "none.csv" in str(caught.value)


def test_run_with_a_raw_file_that_lacks_a_column_is_an_error(ask, tmp_path):
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
