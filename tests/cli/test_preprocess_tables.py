"""`m6rec preprocess`: tables of unusual forms, and the warnings about them."""

import json
from pathlib import Path

from typer.testing import CliRunner

from m6rec_cli.cli.app import app
from tests.cli.preprocess_command import log, m6rec

__all__ = ["log"]


def test_preprocess_reads_several_logs_and_standard_input_as_one(log: Path, tmp_path: Path) -> None:
    lines = log.read_text().splitlines(keepends=True)
    (tmp_path / "a.csv").write_text("".join(lines[:6]))
    words = ["preprocess", "--interactions", str(tmp_path / "a.csv"), "--interactions", "-"]
    done = CliRunner().invoke(
        app, [*words, "--out", str(tmp_path / "d")], input="".join([lines[0], *lines[6:]])
    )
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["events"] == {
        "train": 8,
        "valid": 4,
        "test": 4,
        "cold": 0,
    }


def test_preprocess_no_header_numbers_the_columns(log: Path, tmp_path: Path) -> None:
    (tmp_path / "bare.csv").write_text("".join(log.read_text().splitlines(keepends=True)[1:]))
    (tmp_path / "s.toml").write_text('[interactions]\nuser = "1"\nitem = "2"\ntimestamp = "3"\n')
    words = ["preprocess", "--interactions", tmp_path / "bare.csv", "--schema", tmp_path / "s.toml"]
    refused = m6rec(*words, "--out", tmp_path / "d")
    assert refused.exit_code == 1
    assert "is the header line missing" in refused.stderr
    assert "--no-header" in refused.stderr
    done = m6rec(*words, "--no-header", "--out", tmp_path / "d")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["events"] == {
        "train": 8,
        "valid": 4,
        "test": 4,
        "cold": 0,
    }


def test_preprocess_yes_accepts_the_loss_of_many_events(log: Path, tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,price\ni1,1\ni2,2\n")
    words = ["preprocess", "--interactions", log, "--items", tmp_path / "items.csv"]
    words += ["--unknown-items", "drop", "--out", tmp_path / "d"]
    refused = m6rec(*words)
    assert refused.exit_code == 1
    assert "`--unknown-items drop` takes" in refused.stderr
    done = m6rec(*words, "--yes")
    assert done.exit_code == 0, done.stderr
    assert "events dropped by the rule `events: unknown items`" in done.stderr


def test_preprocess_warns_of_an_item_table_with_several_lines_an_item(
    log: Path, tmp_path: Path
) -> None:
    rows = [f"i{n},{name},{n}" for name in ("size", "colour") for n in range(5)]
    (tmp_path / "items.csv").write_text("item_id,property,value\n" + "\n".join(rows) + "\n")
    done = m6rec(
        *("preprocess", "--interactions", log, "--items", tmp_path / "items.csv"),
        *("--out", tmp_path / "d"),
    )
    assert done.exit_code == 0, done.stderr
    assert "duplicate ids, first kept`: 5 of 10" in done.stderr
    assert "one line with a column for each property" in done.stderr


def test_preprocess_warns_of_weights_that_are_no_numbers(tmp_path: Path) -> None:
    rows = [f"u{n % 3},i{n},{1_600_000_000 + n},much" for n in range(9)]
    (tmp_path / "e.csv").write_text("user_id,item_id,timestamp,weight\n" + "\n".join(rows) + "\n")
    done = m6rec("preprocess", "--interactions", tmp_path / "e.csv", "--out", tmp_path / "d")
    assert "9 of 9 weights are missing, negative or no number" in done.stderr


def test_preprocess_schema_out_writes_the_schema_alone(log: Path, tmp_path: Path) -> None:
    words = ["preprocess", "--interactions", log, "--schema-out", tmp_path / "s.toml"]
    assert m6rec(*words).exit_code == 0
    text = (tmp_path / "s.toml").read_text()
    assert text == m6rec("preprocess", "--interactions", log, "--dry-run").stdout
    again = m6rec(*words)
    assert (again.exit_code, "the output exists" in again.stderr) == (1, True)
    both = m6rec(*words, "--out", tmp_path / "d", "--overwrite")
    assert (both.exit_code, "excludes `--out`" in both.stderr) == (2, True)
    bad = m6rec(*words, "--overwrite", "--columns", "user=nobody")
    assert bad.exit_code == 1
    assert (tmp_path / "s.toml").read_text() == text


def test_preprocess_positive_without_a_match_lists_the_values(log: Path, tmp_path: Path) -> None:
    rows = [f"u{n % 3},i{n},{'view' if n % 4 else 'buy'}" for n in range(12)]
    (tmp_path / "e.csv").write_text("user_id,item_id,event\n" + "\n".join(rows) + "\n")
    done = m6rec(
        *("preprocess", "--interactions", tmp_path / "e.csv", "--out", tmp_path / "d"),
        *("--positive", 'event == "bought"'),
    )
    assert done.exit_code == 1
    assert "hint: `event` has the values `view`, `buy`" in done.stderr
