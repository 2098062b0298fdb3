"""Flags of `recommend` that do not go together are usage errors."""

from pathlib import Path

import pytest

from m6rec_cli.config.settings import RecommendConfig
from m6rec_cli.inference.request import ListFilters, RecommendRequest, UserSource
from m6rec_cli.system.errors import M6RecError, UsageError

RUN, DATA, LOG, STATE = Path("run"), Path("data"), Path("events.csv"), Path("state")


@pytest.mark.parametrize(
    ("users", "match"),
    [
        ({}, "name the users by `--data`, or by `--interactions` and `--users`"),
        ({"data": DATA, "interactions": LOG}, "name the users by `--data`, or by"),
        ({"data": DATA, "state": STATE}, "`--state` reads raw events, not `--data`"),
        ({"interactions": LOG, "before": "test"}, "raw events have no held-out part"),
    ],
)
def test_request_without_one_source_of_users_is_a_usage_error(users, match):
    with pytest.raises(UsageError, match=match):
        RecommendRequest(run=RUN, users=UserSource(**users))


@pytest.mark.parametrize(
    ("users", "user_ids"), [({"data": DATA}, None), ({"state": STATE}, "ids.txt")]
)
def test_request_changed_needs_a_state_and_no_user_ids(users, user_ids):
    filters = ListFilters(changed=True, user_ids=user_ids)
    with pytest.raises(UsageError, match="`--changed` selects the users whose `--state` changed"):
        RecommendRequest(run=RUN, users=UserSource(**users), filters=filters)


def test_request_media_needs_a_table_and_an_existing_folder(tmp_path):
    with pytest.raises(UsageError, match="`--media` is the folder of the media of `--items`"):
        RecommendRequest(run=RUN, users=UserSource(data=DATA), media=tmp_path)
    items, media = Path("items.csv"), tmp_path / "none"
    with pytest.raises(M6RecError, match="the media folder does not exist"):
        RecommendRequest(run=RUN, users=UserSource(data=DATA), items=items, media=media)


def test_check_settings_category_needs_a_cap():
    filters = ListFilters(category="style")
    request = RecommendRequest(run=RUN, users=UserSource(data=DATA), filters=filters)
    request.check_settings(RecommendConfig(max_per_category=1))
    with pytest.raises(UsageError, match="`--category` names the feature that"):
        request.check_settings(RecommendConfig())


def test_check_settings_state_cannot_hide_features():
    request = RecommendRequest(run=RUN, users=UserSource(state=STATE))
    request.check_settings(RecommendConfig())
    with pytest.raises(UsageError, match="cannot hide any"):
        request.check_settings(RecommendConfig(hidden_features=["user.taste"]))


def test_request_files_are_all_files_that_are_read():
    filters = ListFilters(user_ids="ids.txt", allow=Path("allow"), deny=Path("deny"))
    users = UserSource(interactions=LOG, profiles=Path("users.csv"))
    request = RecommendRequest(run=RUN, users=users, items=Path("items.csv"), filters=filters)
    assert {str(path) for path in request.files} == {
        "events.csv",
        "items.csv",
        "users.csv",
        "allow",
        "deny",
        "ids.txt",
    }
    stdin = RecommendRequest(
        run=RUN, users=UserSource(data=DATA), filters=ListFilters(user_ids="-")
    )
    assert stdin.files == []
