"""`m6rec preprocess`: how it read the tables comes first, on a terminal the doubts last as well."""

import json
import os
import re
import sys
import tomllib
from pathlib import Path

import pytest

from tests.cli.preprocess_command import m6rec
from tests.cli.shell import on_terminal

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LOG = "Kunde;Artikel;enrolled;Laune\n" + "".join(
    f"K{n % 4};A{n % 5};{1 + n:02d}.03.2023;{n % 3}\n" for n in range(20)
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "log.csv").write_text(LOG)
    return tmp_path / "log.csv"


def test_preprocess_says_first_how_it_read_the_tables_and_then_what_it_doubts(
    log: Path, tmp_path: Path
) -> None:
    done = m6rec("preprocess", "--interactions", log, "--out", tmp_path / "d")
    assert done.exit_code == 0, done.stderr
    json.loads(done.stdout)
    lines = done.stderr.splitlines()
    statuses = [
        "reading the tables",
        "reading and cleaning events",
        "fitting and encoding features",
    ]
    assert [line for line in lines if line in statuses] == statuses
    lines = [line for line in lines if line not in statuses]
    assert lines[0] == f"interactions: {log} (20 rows, separated by semicolons)"
    assert lines[1].split() == ["role", "column", "sample", "kind"]
    assert [line.split()[:3] for line in lines[2:5]] == [
        ["user", "Kunde", "K0"],
        ["item", "Artikel", "A0"],
        ["time", "enrolled", "01.03.2023"],
    ]
    assert lines[5].split()[:4] == ["not", "used", "Laune", "0"]
    assert lines[6].startswith("warning: no column has a usual name for the time: `enrolled`")
    assert lines[7].startswith("cleaning: none of ")
    assert lines[-2].startswith("✓ 20 events of ")
    assert lines[-1] == "next: m6rec pretrain " + str(tmp_path / "d") + " --out pretrained"
    assert done.stderr.count("no column has a usual name") == 1


def test_preprocess_reading_is_one_json_line_a_table(log: Path, tmp_path: Path) -> None:
    items = tmp_path / "items.csv"
    items.write_text("Artikel,price\n" + "".join(f"A{n},{n}\n" for n in range(5)))
    done = m6rec(
        *("preprocess", "--interactions", log, "--items", items, "--out", tmp_path / "d"),
        *("--log-format", "json"),
    )
    first, second, *_ = (
        line for line in map(json.loads, done.stderr.splitlines()) if line["level"] == "table"
    )
    assert (first["level"], first["rows"][0]["column"]) == ("table", "Kunde")
    assert second["rows"] == [
        {"role": "item", "column": "Artikel", "sample": "A0", "kind": "id"},
        {"role": "feature", "column": "price", "sample": "0", "kind": "numeric"},
    ]


def test_preprocess_quiet_leaves_the_doubts_alone(log: Path, tmp_path: Path) -> None:
    done = m6rec("preprocess", "--interactions", log, "--out", tmp_path / "d", "-q")
    assert all(line.startswith("warning: ") for line in done.stderr.splitlines())


def test_preprocess_on_a_terminal_ends_with_the_doubts_and_what_to_do(
    log: Path, tmp_path: Path
) -> None:
    words = ["preprocess", "--interactions", str(log), "--out", str(tmp_path / "d")]
    written = on_terminal(
        [sys.executable, "-m", "m6rec_cli", *words],
        env=os.environ | {"TERM": "xterm-256color", "COLUMNS": "60"},
    )
    text = re.sub(r"(^|\r)\S reading the tables", "", ESCAPE.sub("", written)).lstrip("\r")
    *lines, follows = text.splitlines()
    assert max(map(len, lines)) <= 60
    assert follows == f"next: m6rec pretrain {tmp_path / 'd'} --out pretrained"  # to copy
    assert text.startswith("interactions: ")
    assert "{" not in text  # no JSON
    doubts, _, done = text.rpartition("what to check:")[2].partition("✓ ")
    assert "no column has a usual name for the time" in " ".join(doubts.split())
    assert done.startswith("20 events of ")
    assert text.count("no column has a usual") == 2


def test_preprocess_dry_run_on_a_terminal_prints_toml_that_is_not_broken(
    tmp_path: Path,
) -> None:
    (tmp_path / "i.csv").write_text("Artikel;picture\n" + "".join(f"A{n};{n}.png\n" for n in "123"))
    (tmp_path / "e.csv").write_text(LOG)
    words = ["preprocess", "--interactions", "e.csv", "--items", "i.csv", "--dry-run"]
    written = on_terminal(
        [sys.executable, "-m", "m6rec_cli", *words],
        env=os.environ | {"TERM": "xterm-256color", "COLUMNS": "60"},
        cwd=tmp_path,
    )
    text = ESCAPE.sub("", written).replace("\r", "")
    toml = text[text.index("[interactions]") : text.index("what to check:")]
    assert tomllib.loads(toml)["interactions"]["user"] == "Kunde"
    assert max(map(len, toml.splitlines())) > 60


def test_error_on_a_terminal_is_broken_between_words(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("Artikel;title\nA1;one\n")
    (tmp_path / "e.csv").write_text(LOG)
    words = ["preprocess", "--interactions", "e.csv", "--items", "items.csv", "--out", "d"]
    command = f"{sys.executable} -m m6rec_cli {' '.join(words)}; test $? = 1"
    written = on_terminal(
        ["bash", "-c", command],
        env=os.environ | {"TERM": "xterm-256color", "COLUMNS": "60"},
        cwd=tmp_path,
    )
    lines = ESCAPE.sub("", written).replace("\r", "").splitlines()
    (start,) = (n for n, line in enumerate(lines) if line.startswith("error: "))
    assert max(map(len, lines[start:])) <= 60
    assert lines[-2:] == ["  hint: add them to items.csv, or pass", "    `--unknown-items drop`"]


def test_preprocess_names_ids_that_it_repaired(tmp_path: Path) -> None:
    rows = [f"{1 + n % 3}{'.0' if n % 2 else ''},i{n},{1_600_000_000 + n}" for n in range(12)]
    (tmp_path / "e.csv").write_text("user_id,item_id,timestamp\n" + "\n".join(rows) + "\n")
    done = m6rec("preprocess", "--interactions", tmp_path / "e.csv", "--out", tmp_path / "d")
    assert "warning: events: user ids such as `17.0`, read as `17`: 6, first: " in done.stderr


def test_preprocess_dry_run_without_a_user_prints_the_rest_and_candidates(
    log: Path, tmp_path: Path
) -> None:
    log.write_text(LOG.replace("Kunde", "Wer"))
    words = ["preprocess", "--interactions", log]
    done = m6rec(*words, "--dry-run")
    assert done.exit_code == 1
    assert "error: no column looks like the user's id" in done.stderr
    assert '# user = ?   candidates: "Wer"' in done.stdout
    assert tomllib.loads(done.stdout)["interactions"] == {
        "item": "Artikel",
        "timestamp": "enrolled",
        "timestamp_format": "auto",
    }
    schema = tmp_path / "s.toml"
    refused = m6rec(*words, "--schema-out", schema)
    assert (refused.exit_code, refused.stdout, schema.exists()) == (1, "", False)
    schema.write_text(re.sub(r"# user = \?.*", 'user = "Wer"', done.stdout))
    assert m6rec(*words, "--schema", schema, "--out", tmp_path / "d").exit_code == 0


def test_preprocess_dry_run_names_candidates_for_every_missing_role(
    log: Path, tmp_path: Path
) -> None:
    log.write_text(LOG.replace("Kunde", "Wer").replace("Artikel", "Was"))
    items = tmp_path / "items.csv"
    items.write_text("Schluessel,price\n" + "".join(f"A{n},{n}\n" for n in range(5)))
    words = ["preprocess", "--interactions", log, "--items", items, "--dry-run"]
    done = m6rec(*words)
    assert "the user's id and the item's id" in done.stderr
    assert "--columns user=COLUMN,item=COLUMN" in done.stderr
    assert '# user = ?   candidates: "Was", "Wer"' in done.stdout
    assert '# item = ?   candidates: "Was", "Wer"' in done.stdout
    assert "# id = ?" in done.stdout
    done = m6rec(*words, "--columns", "user=Wer,item=Was")
    assert done.exit_code == 1
    assert "no column looks like the item's id" in done.stderr
    assert '# id = ?   candidates: "Schluessel"' in done.stdout
    assert '"price" = { kind = "numeric" }' in done.stdout


def test_preprocess_dry_run_of_one_column_prints_the_error_alone(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("what\nx\ny\nx\n")
    done = m6rec("preprocess", "--interactions", tmp_path / "e.csv", "--dry-run")
    assert (done.exit_code, done.stdout) == (1, "")
