"""`recommend` over a planted shop: which users get which lists."""

import io
import json
import subprocess
import sys

import polars as pl
import pytest

from tests.inference.trained import STYLES, USERS, shop, style_of, write
from tests.stages.recommending import ask, assert_close, lists_by_user, write_ids

__all__ = ["ask", "shop"]


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


def test_run_lists_start_with_the_style_of_the_user(ask):
    first = ask().filter(pl.col("rank") == 1, pl.col("basis") != "popularity")
    assert len(first) == USERS + 4
    for user, item in first.select("user_id", "item_id").iter_rows():
        n = int(user)
        assert style_of(item) == STYLES[n - 900 if n >= 900 else n % 4]


def test_run_basis_says_what_each_list_rests_on(ask):
    basis = dict(ask("recommend.k=1").select("user_id", "basis").iter_rows())
    assert {basis[str(u)] for u in range(1, USERS + 1)} == {"history+profile"}
    assert {basis[str(u)] for u in range(900, 904)} == {"profile"}
    assert basis["904"] == "popularity"


def test_run_for_one_user_equals_a_run_for_all(shop, ask, tmp_path):
    whole = ask("recommend.noise_draws=4")
    for user in ("1", "17", "60", "902", "904"):
        alone = ask("recommend.noise_draws=4", user_ids=str(write_ids(tmp_path, user)))
        assert_close(alone, whole.filter(pl.col("user_id") == user))


def test_run_users_come_once_in_the_order_of_the_id_file(ask, tmp_path):
    ids = ["904", "31", "nobody", "2", "31", "", "  7 ", "someone"]
    frame = ask(user_ids=str(write_ids(tmp_path, *ids)))
    assert list(lists_by_user(frame)) == ["904", "31", "nobody", "2", "7", "someone"]
    assert ask.summary["users"] == 6
    assert dict(frame.select("user_id", "basis").iter_rows())["nobody"] == "popularity"
    (warning,) = ask.report.warnings
    assert warning == (
        "without events and profile: 2 users of `--user-ids`, first: `nobody`; their lists "
        "are by popularity"
    )
    assert_close(frame.filter(pl.col("user_id") == "31"), ask().filter(pl.col("user_id") == "31"))
    unknown, blank = (frame.filter(pl.col("user_id") == u) for u in ("nobody", "904"))
    assert unknown["item_id"].to_list() == blank["item_id"].to_list()


def test_run_reads_user_ids_from_standard_input(ask, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("5\n3\n"))
    assert list(lists_by_user(ask(user_ids="-"))) == ["5", "3"]


def test_run_user_id_file_may_have_a_byte_order_mark(ask, tmp_path):
    path = tmp_path / "bom.txt"
    path.write_bytes(b"\xef\xbb\xbf5\r\n3\r\n")
    assert list(lists_by_user(ask(user_ids=str(path)))) == ["5", "3"]
    assert ask.report.warnings == []


@pytest.mark.parametrize("header", ["user_id", "5"])
def test_run_user_id_file_may_have_a_header(ask, tmp_path, header):
    found = list(lists_by_user(ask(user_ids=str(write_ids(tmp_path, header, 3, 7)))))
    assert found == (["3", "7"] if header == "user_id" else ["5", "3", "7"])
    assert ask.report.warnings == []


@pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl"])
def test_run_without_users_writes_an_empty_file(ask, tmp_path, suffix):
    ask(user_ids=str(write_ids(tmp_path, "")), out=f"none.{suffix}")
    assert (ask.summary["users"], ask.summary["rows"], ask.summary["basis"]) == (0, 0, {})
    assert ask.report.warnings == ["`--user-ids` names no users, so there are no lists"]
    text = (tmp_path / f"none.{suffix}").read_bytes()
    if suffix == "parquet":
        assert pl.read_parquet(tmp_path / "none.parquet").columns[:2] == ["user_id", "item_id"]
    else:
        assert text == (b"user_id,item_id,rank,score,basis\n" if suffix == "csv" else b"")


@pytest.mark.parametrize(("before", "back"), [("valid", 2), ("test", 1), ("all", 0)])
def test_run_before_a_split_ends_each_history(shop, ask, before, back):
    found = lists_by_user(ask("recommend.k=40", before=before))
    catalogue = {str(i) for i in range(100, 140)}
    for user in ("1", "2", "40"):
        assert set(found[user]) == catalogue - set(shop.history(user, back=back))


def test_run_before_test_equals_raw_events_without_the_last(shop, ask, tmp_path):
    rows = []
    for line in shop.events.read_text().splitlines()[1:]:
        user, item, *rest = line.split(",")
        if item != shop.history(user)[-1]:
            rows.append((user, item, *rest))
    cut = write(tmp_path, "cut.csv", "user_id,item_id,timestamp,event", rows)
    assert_close(ask(before="test"), ask(interactions=cut, profiles=shop.users))


@pytest.mark.slow
def test_run_twice_in_new_processes_gives_identical_files(shop, tmp_path):
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
