"""Files of ranked lists: every format, every error, and ranks equal to plain loops."""

import gzip
import json
import re

import numpy as np
import polars as pl
import pytest

from m6rec_cli.evaluation import list_files, task
from m6rec_cli.evaluation.metrics import recall
from m6rec_cli.evaluation.metrics._base import MISS
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import SilentReporter
from tests import worlds
from tests.data_directories import write_data

KS = [1, 3]


@pytest.fixture
def evaluation(tmp_path):
    # The targets are i3 for u0 and i4 for u1; u0 has seen i0 to i2, u1 has seen i0 and i1.
    data = write_data(
        tmp_path / "data",
        [0, 0, 0, 0, 1, 1, 1, 2],
        [0, 1, 2, 3, 0, 1, 4, 0],
        n_items=6,
        split=[0, 0, 0, 2, 0, 0, 2, 0],
    )
    return task.build_task(data, "test")


def evaluate(evaluation, file, report=None):
    return list_files.evaluate_list_file(evaluation, file, KS, report or SilentReporter(), name="r")


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
@pytest.mark.parametrize("by", ["rank", "score"])
def test_evaluate_list_file_every_format_with_rank_or_score_gives_the_same(
    tmp_path, evaluation, suffix, by
):
    frame = pl.DataFrame(GOOD, schema=["user_id", "item_id", "rank"], orient="row")
    if by == "score":
        frame = frame.select("user_id", "item_id", score=10 - pl.col("rank")).sample(
            fraction=1, shuffle=True, seed=1
        )
    file = tmp_path / f"recs.{suffix}"
    if suffix == "parquet":
        frame.write_parquet(file)
    elif suffix == "jsonl":
        frame.write_ndjson(file)
    elif suffix == "csv.gz":
        file.write_bytes(gzip.compress(frame.write_csv().encode()))
    else:
        frame.write_csv(file, separator="\t" if suffix == "tsv" else ",")
    report = SilentReporter()
    result = evaluate(evaluation, file, report)
    assert result.masked.ranks.rank.tolist() == [1, 0]
    assert result.masked.lists.items.tolist() == [[5, 3, 4], [4, 3, 2]]
    assert report.warnings == []


def test_evaluate_list_file_semicolons_and_decimal_commas_are_read(tmp_path, evaluation):
    text = "user_id;item_id;score\nu0;i5;0,9\nu0;i3;0,75\nu1;i4;0,5\n"
    result = evaluate(evaluation, csv(tmp_path, text))
    assert result.masked.ranks.rank.tolist() == [1, 0]


def test_evaluate_list_file_not_utf8_is_a_warning(tmp_path, evaluation):
    file = tmp_path / "recs.csv"
    file.write_bytes("user_id,item_id,rank,title\nu0,i3,1,Caf\xe9\nu1,i4,1,x\n".encode("latin-1"))
    report = SilentReporter()
    assert evaluate(evaluation, file, report).masked.ranks.rank.tolist() == [0, 0]
    assert "line 2: not UTF-8" in "\n".join(report.warnings)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_evaluate_list_file_integer_ids_written_as_floats_match(tmp_path, suffix):
    data = write_data(
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
    result = evaluate(task.build_task(data, "test"), file)
    assert result.masked.ranks.rank.tolist() == [0, 0]


def test_evaluate_list_file_float_ids_of_the_data_match_as_written(tmp_path):
    data = write_data(
        tmp_path / "d", [0, 0, 0], [0, 1, 2], user_ids=["7.0"], item_ids=["1.0", "1.5", "2.0"]
    )
    result = evaluate(
        task.build_task(data, "test"), csv(tmp_path, "user_id,item_id,rank\n7.0,1.0,1\n7.0,2.0,2\n")
    )
    assert result.unmasked.ranks.rank.tolist() == [1]


def test_evaluate_list_file_missing_users_short_lists_and_unknown_ids_are_warnings(
    tmp_path, evaluation
):
    text = "user_id,item_id,rank\nu0,zzz,1\nu0,i3,2\nnobody,i3,1\nu2,i1,1\n"
    report = SilentReporter()
    result = evaluate(evaluation, csv(tmp_path, text), report)
    assert result.masked.ranks.rank.tolist() == [1, MISS]
    assert recall.at(result.masked.ranks, 3).tolist() == [1, 0]
    warnings = "\n".join(report.warnings)
    assert "1 values of `user_id` are not in the data, first `nobody` (row 3)" in warnings
    assert "first `zzz` (row 1); their 1 rows count as misses" in warnings
    assert "1 of 2 evaluated users have no list; they count as misses" in warnings
    assert "1 lists have fewer than 3 unseen items" in warnings


def test_evaluate_list_file_seen_items_are_masked_with_a_warning(tmp_path, evaluation):
    text = "user_id,item_id,rank\nu0,i0,1\nu0,i5,2\nu0,i3,3\nu1,i1,1\nu1,i0,2\nu1,i4,3\n"
    report = SilentReporter()
    result = evaluate(evaluation, csv(tmp_path, text), report)
    assert result.unmasked.ranks.rank.tolist() == [2, 2]
    assert result.masked.ranks.rank.tolist() == [1, 0]
    assert result.masked.lists.items.tolist() == [[5, 3, -1], [4, -1, -1]]
    assert "3 of 6 listed items are seen items of their users" in "\n".join(report.warnings)


def test_evaluate_list_file_ids_stay_text(tmp_path):
    data = write_data(
        tmp_path / "d", [0, 0, 0], [0, 1, 2], user_ids=["007"], item_ids=["01", "1", "001"]
    )
    result = evaluate(
        task.build_task(data, "test"), csv(tmp_path, "user_id,item_id,rank\n007,1,1\n007,001,2\n")
    )
    assert result.unmasked.ranks.rank.tolist() == [1]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (
            "user_id,item_id,rank\nu0,i5,1\nu1,i3,1\nu0,i5,2\n",
            r"a list contains the same item twice(.|\n)*user `u0`, `item_id` `i5` \(rows 1 and 3\)",
        ),
        (
            "user_id,item_id,rank\nu0,i5,1\nu0,i3,1\n",
            r"a list contains the same rank twice(.|\n)*user `u0`, `rank` `1` \(rows 1 and 2\)",
        ),
        ("user_id,item_id,rank\nu0,i5,0\n", r"`rank` must be 1, 2, 3(.|\n)*`0` \(row 1\)"),
        ("user_id,item_id,rank\nu0,i5,1.5\n", r"`rank` must be 1, 2, 3"),
        (
            "user_id,item_id,rank\nu0,i5,1\nu0,i3,first\n",
            r"1 rows .* `rank` that is empty or not a number(.|\n)*row 2",
        ),
        ("user_id,item_id,score\nu0,i5,nan\n", r"`score` that is empty or not a number"),
        ("user_id,item_id,rank\n,i5,1\n", r"`user_id` that is empty"),
        ("user,item_id,rank\nu0,i5,1\n", r"no column `user_id`(.|\n)*`user`, `item_id`, `rank`"),
        ("user_id,item_id\nu0,i5\n", r"neither a column `rank` nor a column `score`"),
        ("user_id,item_id,rank\nu0,x,1\n", r"no `item_id` of the list file is in the data"),
        (
            "user_id,item_id,rank\nu0,i5,1,9\nu0,i3,2\n",
            r"1 rows of the list file cannot be read(.|\n)*first: row 1",
        ),
        ("user_id,item_id,rank\n", r"the list file holds no records"),
        ("", r"the list file is empty"),
    ],
)
def test_evaluate_list_file_errors_name_file_user_and_row(tmp_path, evaluation, text, match):
    with pytest.raises(M6RecError) as caught:
        evaluate(evaluation, csv(tmp_path, text))
    assert re.search(match, str(caught.value)), str(caught.value)
    assert "recs.csv" in str(caught.value)


def test_evaluate_list_file_missing_unknown_or_damaged_file_is_an_error(tmp_path, evaluation):
    with pytest.raises(M6RecError, match="the list file does not exist"):
        evaluate(evaluation, tmp_path / "none.csv")
    (tmp_path / "recs.xlsx").write_text("")
    with pytest.raises(M6RecError, match="no reader knows the suffix of the list file"):
        evaluate(evaluation, tmp_path / "recs.xlsx")
    (tmp_path / "bad.jsonl").write_text("{")
    with pytest.raises(M6RecError, match="no line of the file is a JSON object"):
        evaluate(evaluation, tmp_path / "bad.jsonl")


def test_evaluate_list_file_ranks_equal_plain_loops(tmp_path):
    """Random lists of random users against loops over dictionaries."""
    rng = np.random.default_rng(4)
    data = worlds.planted_cycle(tmp_path / "d", n_users=50, n_items=30, length=6)
    evaluation = task.build_task(data, "test")
    lists = {
        f"u{u}": [f"i{i}" for i in rng.permutation(30)[: rng.integers(1, 15)]]
        for u in range(0, 50, 2)
    }
    rows = [
        {"user_id": u, "item_id": i, "rank": r + 1}
        for u, listed in lists.items()
        for r, i in enumerate(listed)
    ]
    file = tmp_path / "recs.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rng.permutation(rows).tolist()))
    got = evaluate(evaluation, file).unmasked.ranks.rank
    events = data.truth("test")
    target = {
        f"u{user}": f"i{item}" for user, item in zip(events.user_row, events.item_row, strict=True)
    }
    expected = [lists[u].index(t) if t in lists.get(u, ()) else MISS for u, t in target.items()]
    assert got.tolist() == expected
