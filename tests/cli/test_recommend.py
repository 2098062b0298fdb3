"""The command `m6rec recommend`: flags, stdout and exit codes."""

import csv
import io
import json
import re
import sys

import pytest

from m6rec_cli.cli import app
from tests.inference.trained import USERS, shop, style_of

__all__ = ["shop"]


@pytest.fixture
def call(monkeypatch, capsys):
    """Run the command; returns its exit code, stdout and stderr."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["m6rec", "recommend", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            app.app()
        return stopped.value.code or 0, *capsys.readouterr()

    return call


def test_recommend_writes_the_file_and_prints_one_json_object(shop, call, tmp_path):
    out = tmp_path / "new" / "recs.csv"
    code, stdout, stderr = call(
        shop.run, "--data", shop.data, "--out", out, "-k", 3, "--titles", "-q"
    )
    assert (code, stderr) == (0, "")
    summary = json.loads(stdout)
    assert (summary["users"], summary["rows"], summary["k"]) == (USERS + 5, 3 * (USERS + 5), 3)
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert rows[0].keys() == {"user_id", "item_id", "rank", "score", "basis", "title"}
    assert len(rows) == summary["rows"]


def test_recommend_to_stdout_prints_rows_only(shop, call, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("31\n12\n"))
    code, stdout, _ = call(
        shop.run, "--data", shop.data, "--out", "-", "--user-ids", "-", "-k", 2, "--draws", 2
    )
    assert code == 0
    rows = list(map(json.loads, stdout.splitlines()))
    assert [(r["user_id"], r["rank"]) for r in rows] == [
        ("31", 1),
        ("31", 2),
        ("12", 1),
        ("12", 2),
    ]


def test_recommend_flags_reach_the_stage(shop, call, tmp_path):
    (tmp_path / "allow").write_text("\n".join(map(str, range(100, 125))))
    (tmp_path / "deny").write_text("100\n")
    code, stdout, stderr = call(
        shop.run,
        "--interactions",
        shop.events,
        "--users",
        shop.users,
        "--items",
        shop.items,
        "--media",
        tmp_path,
        "--out",
        "-",
        "--keep-seen",
        "--allow",
        tmp_path / "allow",
        "--deny",
        tmp_path / "deny",
        "--max-per-category",
        1,
        "--category",
        "style",
        "--log-format",
        "plain",
    )
    assert code == 0
    rows = list(map(json.loads, stdout.splitlines()))
    mine = [r["item_id"] for r in rows if r["user_id"] == "1"]
    assert sorted(map(style_of, mine)) == ["blue", "green", "red"]
    assert "100" not in {r["item_id"] for r in rows}
    assert "users got fewer than 10 items" in stderr


def test_recommend_state_changed_and_explain_reach_the_stage(shop, call, tmp_path):
    code, stdout, _ = call(
        shop.run,
        "--interactions",
        shop.events,
        "--state",
        tmp_path / "state",
        "--changed",
        "--explain",
        "--out",
        "-",
        "-k",
        1,
    )
    assert code == 0
    rows = list(map(json.loads, stdout.splitlines()))
    assert len(rows) == USERS
    assert rows[0]["because_events"][0].keys() == {
        "item_id",
        "title",
        "timestamp",
        "share",
        "effect",
    }
    assert (tmp_path / "state" / "state.json").exists()
    code, stdout, _ = call(shop.run, "--state", tmp_path / "state", "--changed", "--out", "-")
    assert (code, stdout) == (0, "")


def test_recommend_to_a_terminal_prints_a_block_for_each_user(shop, call, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("31\n12\n"))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    code, stdout, stderr = call(
        shop.run, "--data", shop.data, "--out", "-", "--user-ids", "-", "-k", 2, "--explain"
    )
    assert code == 0
    lines = stdout.splitlines()
    assert [line.split()[0] for line in lines if line[:1].strip()] == ["31", "12"]
    assert [line.split()[0] for line in lines if re.match(r" {3}\d ", line)] == ["1", "2"] * 2
    assert sum("because of " in line for line in lines) == 4
    assert "…" not in "".join(line for line in lines if line.startswith(" " * 16))
    assert max(map(len, lines)) <= 60
    assert "✓ 4 rows for 2 users (" in stderr


@pytest.mark.parametrize(
    ("words", "code", "match"),
    [
        (["--out", "-"], 2, "name the users by `--data`, or by `--interactions` and `--users`"),
        (["--out", "-", "--data", "d", "--interactions", "e.csv"], 2, "one of the two ways"),
        (
            ["--out", "-", "--data", "d", "--before", "train"],
            2,
            "'train' is not one of 'all', 'test', 'valid', 'cold'",
        ),
        (
            ["--out", "-", "--users", "u.csv", "--before", "test"],
            2,
            "raw events have no held-out part",
        ),
        (["--out", "r.txt", "--data", "d"], 2, "has no suffix of a known format"),
        (
            ["--out", "-", "--data", "d", "-k", "5", "--set", "recommend.k=6"],
            2,
            "`recommend.k` is given twice",
        ),
        (["--out", "-", "--data", "d", "-k", "0"], 1, "`recommend.k` is 0, out of its bounds"),
        (["--out", "-", "--data", "d", "--category", "style"], 2, "`--category` names the feature"),
        (["--out", "-", "--data", "d", "--media", "m"], 2, "`--media` is the folder"),
        (
            ["--out", "-", "--data", "d", "--state", "s"],
            2,
            "`--state` reads raw events, not `--data`",
        ),
        (
            ["--out", "-", "--data", "d", "--changed"],
            2,
            "`--changed` selects the users whose `--state` changed",
        ),
        (
            ["--out", "-", "--state", "none"],
            1,
            "there is no state yet, and there are no events to make it from",
        ),
        (
            ["--out", "a.jsonl", "--data", "d", "--escape-formulas"],
            2,
            "`--escape-formulas` changes cells of a .csv",
        ),
        (["--out", "-", "--data", "none"], 1, "the data directory does not exist"),
        (["--out", "-", "--interactions", "none.csv"], 1, "the interactions file does not exist"),
    ],
)
def test_recommend_errors_have_the_documented_exit_codes(shop, call, words, code, match):
    got, stdout, stderr = call(shop.run, *words)
    assert (got, stdout) == (code, "")
    assert match in stderr


def test_recommend_without_an_output_is_a_usage_error(shop, call):
    code, stdout, stderr = call(shop.run, "--data", shop.data)
    assert (code, stdout) == (2, "")
    assert "--out" in stderr


def test_recommend_to_an_existing_output_needs_overwrite(shop, call, tmp_path):
    out = tmp_path / "r.csv"
    out.write_text("mine")
    words = [shop.run, "--data", shop.data, "--out", out, "-q"]
    code, _, stderr = call(*words)
    assert code == 1
    assert f"where: {out}" in stderr
    assert call(*words, "--overwrite")[0] == 0
    assert out.read_text().startswith("user_id,")
