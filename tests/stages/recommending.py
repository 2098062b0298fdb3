"""Helpers of the tests of `recommend`: requests by flag names, and lists as a frame."""

import polars as pl
import pytest

from m6rec_cli.config.resolve import resolve
from m6rec_cli.inference.request import ListFilters, RecommendRequest, UserSource
from m6rec_cli.stages import recommend
from m6rec_cli.system.progress import SilentReporter

USER_FLAGS = {"data", "before", "interactions", "profiles", "state"}
FILTER_FLAGS = {"user_ids", "changed", "allow", "deny", "category"}


def make_request(run, **flags):
    """A request from the flags of a command line."""
    users = {name: flags.pop(name) for name in USER_FLAGS & flags.keys()}
    filters = {name: flags.pop(name) for name in FILTER_FLAGS & flags.keys()}
    return RecommendRequest(
        run=run, users=UserSource(**users), filters=ListFilters(**filters), **flags
    )


@pytest.fixture
def ask(shop, tmp_path):
    """Run the stage and return its lists as a frame; keep the summary and the warnings.

    The data directory of the shop is the default for users.
    """

    def ask(*sets, out="recs.parquet", overwrite=True, **flags):
        if not {"data", "interactions", "profiles", "state"} & flags.keys():
            flags["data"] = shop.data
        ask.report = SilentReporter()
        ask.summary = recommend.run(
            resolve(sets=sets),
            make_request(flags.pop("run", shop.run), **flags),
            str(tmp_path / out),
            ask.report,
            overwrite=overwrite,
        )
        return pl.read_parquet(tmp_path / out, glob=False) if out.endswith(".parquet") else None

    return ask


def write_ids(folder, *ids, name="ids.txt"):
    """A file of ids, one per line."""
    (folder / name).write_text("\n".join(map(str, ids)))
    return folder / name


def lists_by_user(frame):
    """Item ids of each user, in order."""
    return {
        user: part["item_id"].to_list()
        for (user,), part in frame.group_by("user_id", maintain_order=True)
    }


def assert_close(a, b):
    """Both frames have the same lists, up to the last bits of the scores."""
    a, b = (x.sort("user_id", "rank") for x in (a, b))
    assert a.drop("score").equals(b.drop("score"))
    difference = (a["score"] - b["score"]).abs().max()
    assert isinstance(difference, float)
    assert difference < 1e-4
