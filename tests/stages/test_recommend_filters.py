"""Filters of `recommend`: seen items, allow and deny lists, categories, hidden features."""

import polars as pl
import pytest

from m6rec_cli.data import manifest
from m6rec_cli.system.errors import M6RecError, UsageError
from tests.inference.trained import STYLES, USERS, shop, style_of
from tests.stages.recommending import ask, lists_by_user, write_ids

__all__ = ["ask", "shop"]


def test_run_with_seen_items_kept_lists_the_whole_catalogue(ask):
    frame = ask("recommend.k=500", "recommend.seen=keep")
    assert set(frame.group_by("user_id").len()["len"]) == {40}
    assert ask.summary["k"] == 500
    assert ask.report.warnings == [
        f"{USERS + 5} users got fewer than 500 items: the catalogue and the filters left no more"
    ]


def test_run_keeps_seen_items_by_itself_where_many_targets_are_repeats(shop, ask, monkeypatch):
    assert not set(ask("recommend.k=500").filter(user_id="1")["item_id"]) & set(shop.history("1"))
    monkeypatch.setattr(manifest, "MAX_MASKED_REPEATS", -1.0)
    frame = ask("recommend.k=500").filter(user_id="1")
    assert set(frame["item_id"]) >= set(shop.history("1"))
    frame = ask("recommend.k=500", "recommend.seen=drop").filter(user_id="1")
    assert not set(frame["item_id"]) & set(shop.history("1"))


def test_run_lists_only_allowed_items(shop, ask, tmp_path):
    allow = write_ids(tmp_path, *range(110, 125), name="allow")
    deny = write_ids(tmp_path, *range(118, 130), name="deny")
    frame = ask("recommend.seen=keep", allow=allow, deny=deny)
    assert {tuple(sorted(items)) for items in lists_by_user(frame).values()} == {
        tuple(map(str, range(110, 118)))
    }
    assert ask.report.warnings == [
        f"{USERS + 5} users got fewer than 10 items: the catalogue and the filters left no more"
    ]


def test_run_id_files_may_hold_floats_and_a_header(ask, tmp_path):
    users = write_ids(tmp_path, "user_id", "3.0", "7.0", name="users")
    frame = ask(
        user_ids=str(users),
        allow=write_ids(tmp_path, "item_id", "101.0", "102.0", "120.0", "121.0"),
    )
    assert list(lists_by_user(frame)) == ["3", "7"]
    assert set(frame["item_id"]) <= {"101", "102", "120", "121"}
    assert [w for w in ask.report.warnings if "fewer than" not in w] == []


def test_run_users_without_any_item_left_count_as_short(shop, ask, tmp_path):
    seen = shop.history("1")[0]
    frame = ask(allow=write_ids(tmp_path, seen), profiles=shop.users, interactions=shop.events)
    assert "1" not in set(frame["user_id"])
    assert ask.summary["users"] == USERS + 5 == sum(ask.summary["basis"].values())
    assert ask.report.warnings[0].startswith(f"{USERS + 5} users got fewer than 10 items")


@pytest.mark.parametrize("category", [None, "style"])
def test_run_max_per_category_keeps_the_best_items_of_each_category(ask, category):
    wide = ask("recommend.k=40")
    frame = ask("recommend.k=6", "recommend.max_per_category=2", category=category)
    expected = {}
    for user, items in lists_by_user(wide).items():
        taken = dict.fromkeys(STYLES, 0)
        kept = []
        for item in items:
            taken[style_of(item)] += 1
            if taken[style_of(item)] <= 2:
                kept.append(item)
        expected[user] = kept[:6]
    assert lists_by_user(frame) == expected
    assert all(
        frame.group_by("user_id", maintain_order=True).agg(pl.col("rank"))["rank"].list.len() == 6
    )


def test_run_discriminator_weight_changes_scores_and_keeps_lists_sorted(ask):
    plain, discriminated = ask(), ask("recommend.discriminator_weight=5.0")
    assert set(discriminated.group_by("user_id").len()["len"]) == {10}
    assert not discriminated["score"].equals(plain["score"])
    for (_,), part in discriminated.group_by("user_id"):
        assert part["score"].is_sorted(descending=True)


def test_run_with_a_hidden_profile_lists_by_popularity(shop, ask):
    frame = ask('recommend.hidden_features=["user.taste"]', profiles=shop.users)
    assert set(frame["basis"]) == {"popularity"}


def test_run_hiding_item_features_without_a_data_directory_is_an_error(shop, ask):
    with pytest.raises(M6RecError, match="item features can be hidden in a data directory only"):
        ask('recommend.hidden_features=["style"]', interactions=shop.events)


def test_run_with_an_unknown_category_is_an_error(ask):
    with pytest.raises(M6RecError, match="needs a categorical item feature, not `stile`") as caught:
        ask("recommend.max_per_category=1", category="stile")
    assert "did you mean `style`?" in str(caught.value)


@pytest.mark.parametrize("name", ["user_ids", "allow", "deny"])
def test_run_with_a_missing_id_file_is_an_error(ask, tmp_path, name):
    path = tmp_path / "none.txt"
    with pytest.raises(M6RecError, match="the file of ids does not exist") as caught:
        ask(**{name: str(path) if name == "user_ids" else path})
    assert str(path) in str(caught.value)


def test_run_with_a_binary_id_file_is_an_error(ask, tmp_path):
    (tmp_path / "ids").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(M6RecError, match="the ids are not UTF-8 text"):
        ask(user_ids=str(tmp_path / "ids"))


def test_run_with_filters_that_leave_no_item_is_an_error(ask, tmp_path):
    with pytest.raises(M6RecError, match="the allow and deny lists leave no item"):
        ask(allow=write_ids(tmp_path, "x", "y"))


def test_run_with_a_category_but_no_cap_is_an_error(ask):
    with pytest.raises(UsageError, match="`--category` names the feature that"):
        ask(category="style")


def test_run_with_a_state_and_hidden_features_is_an_error(shop, ask, tmp_path):
    with pytest.raises(UsageError, match="`--state` stores histories that were read with all"):
        ask(
            'recommend.hidden_features=["user.taste"]',
            interactions=shop.events,
            state=tmp_path / "state",
        )
