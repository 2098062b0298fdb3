"""Long lines at the width of the terminal: sentences, lists, and commands that still run."""

import subprocess
import tomllib

import pytest

from m6rec_cli.cli import folding, overview
from m6rec_cli.config.resolve import resolve
from m6rec_cli.config.toml_text import to_toml
from tests import documents
from tests.documents import GUIDES

WIDTHS = [50, 60, 80, 120]


def test_fold_breaks_between_words_and_not_in_backticks():
    line = "next: the same command with `--schema schema.toml --out DIR`; edit the schema first"
    assert folding.fold(line, 60).splitlines() == [
        "next: the same command with",
        "`--schema schema.toml --out DIR`; edit the schema first",
    ]
    assert folding.fold("a `long command` b", 20, 2) == "a `long command` b"


def test_fold_leaves_a_word_that_is_longer_than_the_line():
    assert folding.fold(f"see {'x' * 30} there", 20, 2).splitlines() == [
        "see",
        f"  {'x' * 30}",
        "  there",
    ]


def test_fold_entry_keeps_the_text_in_its_column():
    assert folding.fold_entry("  -h, --help  Show this page.", 24) == (
        "  -h, --help  Show this\n              page."
    )
    assert folding.fold_entry("- a word and more words", 20) == "- a word and more\n  words"


def test_fold_command_keeps_a_flag_beside_its_value():
    folded = folding.fold_command("  m6rec pretrain data --out pretrained --set a=1", 40)
    assert folded == "  m6rec pretrain data --out pretrained \\\n    --set a=1"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("guide", GUIDES)
def test_fold_script_leaves_the_commands_of_the_guides_as_they_are(guide: str, width: int):
    for script in documents.blocks(GUIDES[guide]):
        folded = folding.fold_script(script, width)
        assert list(documents.commands(folded)) == list(documents.commands(script))
        subprocess.run(["bash", "-n"], input=folded, text=True, check=True)


def test_fold_script_puts_a_comment_before_its_command():
    script = "export A=b            # keep compiled programs between the nights"
    assert folding.fold_script(script, 30) == (
        "# keep compiled programs\n# between the nights\nexport A=b"
    )
    assert folding.fold_script(script, 80) == script


def test_fold_script_leaves_a_command_with_a_line_end_in_quotes():
    script = "psql shop -1 -c 'CREATE TABLE IF NOT EXISTS recs (a text,\n  b text)'"
    assert folding.fold_script(script, 40) == script


def test_config_on_a_terminal_breaks_its_comments_and_stays_toml(monkeypatch):
    text = to_toml(resolve("pretrain"), comments=True)
    monkeypatch.setenv("COLUMNS", "60")
    folded = folding.fold_comments(text)
    comments = [line for line in folded.splitlines() if line.startswith("#")]
    assert max(map(len, comments)) <= 60
    assert tomllib.loads(folded) == tomllib.loads(text)


@pytest.mark.parametrize("width", WIDTHS)
def test_overview_fits_the_width(width: int):
    shown = overview.text(width)
    assert max(map(len, shown.splitlines())) <= width
    assert shown.replace(" \\\n   ", "").count("--items items.csv --out data") == 1


def test_overview_is_not_broken_at_80_columns():
    assert overview.text(80) == overview.text(1000)
