"""Lists from files: every format, every fault, and the figures of an independent scorer."""

import json

import numpy as np
import polars as pl
import pytest

from m6rec_cli.evaluation import list_files, task
from m6rec_cli.evaluation.metrics import recall
from m6rec_cli.evaluation.metrics._base import MISS
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from tests import worlds

KS = [1, 3]


@pytest.fixture
def question(tmp_path):
    # Users u0 and u1 find i3 and i4; u0 has met i0 to i2, u1 has met i0, i1.
    data = worlds.write_data(
        tmp_path / "data",
        [0, 0, 0, 0, 1, 1, 1, 2],
        [0, 1, 2, 3, 0, 1, 4, 0],
        n_items=6,
        split=[0, 0, 0, 2, 0, 0, 2, 0],
    )
    return task.build(data, "test")


def judge(question, file, report=None):
    return list_files.evaluate_list_file(question, file, KS, report or SilentReporter(), name="r")


def csv(tmp_path, text):
    file = tmp_path / "recs.csv"
    file.write_text(text)
    return file


GOOD = [
    ("u0", "i5", 1),
    ("u0", "i3", 2),
    ("u0", "i4", 3),
    ("u1", "i4", 1),
    ("u1", "i3", 2),
    ("u1", "i2", 3),
]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "csv.gz", "jsonl", "parquet"])
@pytest.mark.parametrize("key", ["rank", "score"])
def test_judge_every_format_and_both_keys_agree(tmp_path, question, suffix, key):
    frame = pl.DataFrame(GOOD, schema=["user_id", "item_id", "rank"], orient="row")
    if key == "score":
        frame = frame.select("user_id", "item_id", score=10 - pl.col("rank")).sample(
            fraction=1, shuffle=True, seed=1
        )
    file = tmp_path / f"recs.{suffix}"
    if suffix == "parquet":
        frame.write_parquet(file)
    elif suffix == "jsonl":
        frame.write_ndjson(file)
    elif suffix == "csv.gz":
        import gzip

        file.write_bytes(gzip.compress(frame.write_csv().encode()))
    else:
        frame.write_csv(file, separator="\t" if suffix == "tsv" else ",")
    report = SilentReporter()
    judged = judge(question, file, report)
    assert judged.masked.ranks.rank.tolist() == [1, 0]
    assert judged.masked.lists.items.tolist() == [[5, 3, 4], [4, 3, 2]]
    assert report.warnings == []


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_judge_ids_that_became_floats_are_whole_again(tmp_path, suffix):
    data = worlds.write_data(
        tmp_path / "data",
        [0, 0, 1, 1],
        [0, 1, 0, 2],
        split=[0, 2, 0, 2],
        user_ids=["0", "1"],
        item_ids=["0", "1", "2"],
    )
    frame = pl.DataFrame({"user_id": [0.0, 1.0], "item_id": [1.0, 2.0], "rank": [1, 1]})
    file = tmp_path / f"recs.{suffix}"
    frame.write_parquet(file) if suffix == "parquet" else frame.write_csv(file)
    judged = judge(task.build(data, "test"), file)
    assert judged.masked.ranks.rank.tolist() == [0, 0]


def test_judge_ids_that_are_written_as_floats_in_the_data_stay_so(tmp_path):
    data = worlds.write_data(
        tmp_path / "d", [0, 0, 0], [0, 1, 2], user_ids=["7.0"], item_ids=["1.0", "1.5", "2.0"]
    )
    judged = judge(
        task.build(data, "test"), csv(tmp_path, "user_id,item_id,rank\n7.0,1.0,1\n7.0,2.0,2\n")
    )
    assert judged.unmasked.ranks.rank.tolist() == [1]


def test_judge_missing_users_short_lists_and_unknown_ids_are_told(tmp_path, question):
    text = "user_id,item_id,rank\nu0,zzz,1\nu0,i3,2\nnobody,i3,1\nu2,i1,1\n"
    report = SilentReporter()
    judged = judge(question, csv(tmp_path, text), report)
    assert judged.masked.ranks.rank.tolist() == [1, MISS]
    assert recall.at(judged.masked.ranks, 3).tolist() == [1, 0]
    said = "\n".join(report.warnings)
    assert "1 values of `user_id` are not in the data, first `nobody` (row 3)" in said
    assert "first `zzz` (row 1); their 1 rows are misses" in said
    assert "1 of 2 judged users have no list; they count as misses" in said
    assert "1 lists have fewer than 3 items" in said


def test_judge_seen_items_are_masked_and_told(tmp_path, question):
    text = "user_id,item_id,rank\nu0,i0,1\nu0,i5,2\nu0,i3,3\nu1,i1,1\nu1,i0,2\nu1,i4,3\n"
    report = SilentReporter()
    judged = judge(question, csv(tmp_path, text), report)
    assert judged.unmasked.ranks.rank.tolist() == [2, 2]
    assert judged.masked.ranks.rank.tolist() == [1, 0]
    assert judged.masked.lists.items.tolist() == [[5, 3, -1], [4, -1, -1]]
    assert "3 of 6 listed items were met by their users before" in "\n".join(report.warnings)


def test_judge_ids_stay_text(tmp_path):
    data = worlds.write_data(
        tmp_path / "d", [0, 0, 0], [0, 1, 2], user_ids=["007"], item_ids=["01", "1", "001"]
    )
    judged = judge(
        task.build(data, "test"), csv(tmp_path, "user_id,item_id,rank\n007,1,1\n007,001,2\n")
    )
    assert judged.unmasked.ranks.rank.tolist() == [1]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (
            "user_id,item_id,rank\nu0,i5,1\nu1,i3,1\nu0,i5,2\n",
            r"an item stands twice(.|\n)*user `u0`, `item_id` `i5` \(rows 1 and 3\)",
        ),
        (
            "user_id,item_id,rank\nu0,i5,1\nu0,i3,1\n",
            r"a rank stands twice(.|\n)*user `u0`, `rank` `1` \(rows 1 and 2\)",
        ),
        ("user_id,item_id,rank\nu0,i5,0\n", r"`rank` counts 1, 2, 3(.|\n)*`0` \(row 1\)"),
        ("user_id,item_id,rank\nu0,i5,1.5\n", r"`rank` counts 1, 2, 3"),
        (
            "user_id,item_id,rank\nu0,i5,1\nu0,i3,first\n",
            r"1 rows .* `rank` that is empty or not a number(.|\n)*row 2",
        ),
        ("user_id,item_id,score\nu0,i5,nan\n", r"`score` that is empty or not a number"),
        ("user_id,item_id,rank\n,i5,1\n", r"`user_id` that is empty"),
        ("user,item_id,rank\nu0,i5,1\n", r"no column `user_id`(.|\n)*`user`, `item_id`, `rank`"),
        ("user_id,item_id\nu0,i5\n", r"neither a column `rank` nor a column `score`"),
        ("user_id,item_id,rank\nu0,x,1\n", r"no `item_id` of the list file is in the data"),
        ("", r"the list file cannot be read"),
    ],
)
def test_judge_faults_name_file_user_and_row(tmp_path, question, text, match):
    with pytest.raises(M6RecError) as caught:
        judge(question, csv(tmp_path, text))
    import re

    assert re.search(match, str(caught.value)), str(caught.value)
    assert "recs.csv" in str(caught.value)


def test_judge_missing_file_and_unknown_format(tmp_path, question):
    with pytest.raises(M6RecError, match="the list file does not exist"):
        judge(question, tmp_path / "none.csv")
    (tmp_path / "recs.xlsx").write_text("")
    with pytest.raises(M6RecError, match="lists are read from"):
        judge(question, tmp_path / "recs.xlsx")
    (tmp_path / "bad.jsonl").write_text("{")
    with pytest.raises(M6RecError, match="cannot be read"):
        judge(question, tmp_path / "bad.jsonl")


def test_judge_equals_an_independent_scorer(tmp_path):
    """Random lists over a random world, judged by loops over plain dictionaries."""
    rng = np.random.default_rng(4)
    data = worlds.planted_cycle(tmp_path / "d", n_users=50, n_items=30, length=6)
    question = task.build(data, "test")
    lists = {
        f"u{u}": [f"i{i}" for i in rng.permutation(30)[: rng.integers(1, 15)]]
        for u in range(0, 50, 2)
    }
    rows = [
        {"user_id": u, "item_id": i, "rank": r + 1}
        for u, shown in lists.items()
        for r, i in enumerate(shown)
    ]
    file = tmp_path / "recs.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rng.permutation(rows).tolist()))
    got = judge(question, file).unmasked.ranks.rank
    truth = {
        f"u{e}": f"i{i}"
        for e, i in zip(data.truth("test").user_row, data.truth("test").item_row, strict=True)
    }
    expected = [lists[u].index(t) if t in lists.get(u, ()) else MISS for u, t in truth.items()]
    assert got.tolist() == expected
