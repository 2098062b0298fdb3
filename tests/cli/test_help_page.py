"""Help pages: every option under a heading, defaults, examples, the width of the terminal."""

import re

import pytest
import typer.main
from typer.testing import CliRunner

from m6rec_cli.cli.app import app
from m6rec_cli.cli.examples import EXAMPLES
from m6rec_cli.cli.panels import PANELS, panel_of
from m6rec_cli.cli.subcommands import NAMES
from m6rec_cli.config.settings import PRESETS

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def page(command: str, width: int = 100) -> str:
    done = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": str(width)})
    assert done.exit_code == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("command", NAMES)
def test_every_option_stands_under_the_heading_of_its_panel(command: str):
    sections = re.split(r"^(\w[\w ]*):$", page(command), flags=re.MULTILINE)[1:]
    shown = dict(zip(sections[::2], sections[1::2], strict=True))
    assert "Options" not in shown, "a new option needs a panel"
    for parameter in COMMANDS[command].params:
        if parameter.param_type_name == "option":
            long = max(parameter.opts, key=len)
            panel = panel_of(command, long)
            assert panel is not None, long
            assert re.search(rf"^  (-\w, )?{re.escape(long)}\b", shown[panel], re.M), long


def test_panels_name_only_options_that_exist():
    known = {name for c in COMMANDS.values() for p in c.params for name in p.opts}
    named = {name.split()[-1] for names in PANELS.values() for name in names}
    assert named - known <= {"--help"}


@pytest.mark.parametrize(("width", "least"), [(60, 55), (80, 75), (200, 110)])
def test_page_is_as_wide_as_the_terminal(width: int, least: int):
    text = page("recommend", width).partition("\nExamples:\n")[0]
    assert least < max(map(len, text.splitlines())) <= width


def test_usage_shows_arguments_and_required_options():
    assert page("pretrain").startswith("Usage: m6rec pretrain DATA… --out RUN [OPTIONS]\n")
    assert page("evaluate").startswith("Usage: m6rec evaluate [RUN…] --data DATA [OPTIONS]\n")


def test_options_show_the_default_of_their_key():
    text = re.sub(r"\s+", " ", page("recommend"))
    assert "Length of a list (recommend.k). [default: 10]" in text
    assert "--before all|test|valid|cold End each" in text
    assert "`all` keeps every event. [default: all]" in text
    assert "List seen items, too (recommend.seen). --allow" in text, "a switch has no default"
    assert "one category; 0: no limit (recommend.max_per_category). [default: 0]" in text
    shown = re.sub(r"\s+", " ", page("evaluate"))
    assert "Cut-offs, for instance 5,10,20 (evaluate.ks). [default: 5,10,20]" in shown
    assert "Explain the lists of N sample users. [default: 0; at least 0]" in shown
    assert "(data.split). [default: leave-one-out]" in re.sub(r"\s+", " ", page("preprocess"))


def test_presets_say_what_they_are():
    text = re.sub(r"\s+", " ", page("pretrain"))
    assert "tiny (a first try), small (the defaults), base or large (millions" in text
    assert [name for name in PRESETS if name in text] == list(PRESETS)


def test_small_preset_has_the_defaults():
    from m6rec_cli.config.resolve import resolve

    assert resolve("pretrain", preset="small") == resolve("pretrain")


@pytest.mark.parametrize("command", NAMES)
def test_page_ends_with_two_examples_that_a_shell_reads(command: str):
    shown = page(command, 60).partition("\nExamples:\n")[2]
    assert max(map(len, shown.splitlines())) <= 60
    joined = re.sub(r" \\\n +|\n  # (?=[a-z`])", " ", shown)
    assert len(EXAMPLES[command]) == 2
    expected = [line for about, words in EXAMPLES[command] for line in (f"# {about}", words)]
    assert [line.strip() for line in joined.splitlines()] == expected
