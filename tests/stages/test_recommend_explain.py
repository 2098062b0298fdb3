"""`recommend --explain`: columns with reasons in every format."""

import json

import polars as pl
import pytest

from tests.inference.trained import shop
from tests.stages.recommending import ask, write_ids

__all__ = ["ask", "shop"]


@pytest.mark.parametrize("source", ["data", "items", "alone"])
def test_run_explain_adds_columns_in_every_format(shop, ask, tmp_path, source):
    flags = {"explain": True, "user_ids": str(write_ids(tmp_path, 1, 904))}
    if source != "data":
        flags |= {"interactions": shop.events, "profiles": shop.users}
    if source == "items":
        flags["items"] = shop.items
    frame = ask("recommend.k=2", **flags)
    assert frame.columns[-2:] == ["because_events", "because_parts"]
    mine, nobody = frame.to_dicts()[0], frame.to_dicts()[-1]
    assert set(mine["because_events"][0]) == {"item_id", "title", "timestamp", "share", "effect"}
    assert {e["item_id"] for e in mine["because_events"]} <= set(shop.history("1"))
    assert {p["name"] for p in mine["because_parts"]} <= {
        "id",
        "graphs",
        "content" if source == "alone" else "style",
    }
    assert nobody["because_events"] == []
    ask("recommend.k=2", out="recs.csv", **flags)
    ask("recommend.k=2", out="recs.jsonl", **flags)
    line = json.loads((tmp_path / "recs.jsonl").read_text().splitlines()[0])
    cells = pl.read_csv(tmp_path / "recs.csv").row(0, named=True)
    for column in ("because_events", "because_parts"):
        names = [r.get("item_id", r.get("name")) for r in mine[column]]
        assert [r.get("item_id", r.get("name")) for r in line[column]] == names
        assert [r.get("item_id", r.get("name")) for r in json.loads(cells[column])] == names


def test_run_explain_leaves_out_hidden_features(ask):
    frame = ask("recommend.k=2", 'recommend.hidden_features=["style"]', explain=True)
    names = (
        frame.explode("because_parts").drop_nulls("because_parts").unnest("because_parts")["name"]
    )
    assert set(names) == {"id", "graphs"}
    # Without ids, items have no co-occurrence neighbours, but content neighbours.
    frame = ask("recommend.k=2", 'recommend.hidden_features=["id"]', explain=True)
    names = (
        frame.explode("because_parts").drop_nulls("because_parts").unnest("because_parts")["name"]
    )
    assert set(names) == {"style", "graphs"}


def test_run_explain_without_users_has_the_columns(ask, tmp_path):
    frame = ask(user_ids=str(write_ids(tmp_path, "")), explain=True)
    assert (len(frame), frame.columns[-2:]) == (0, ["because_events", "because_parts"])
