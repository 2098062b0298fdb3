"""`m6rec guide`: every guide is listed and shown; the configuration reference has every key."""

import io
import re
import subprocess
import sys

import pytest

from m6rec_cli.cli import guide
from m6rec_cli.cli.app import app
from m6rec_cli.config.keys import all_keys
from m6rec_cli.config.settings import PRESETS, Config
from tests.documents import GUIDES, blocks, commands


def m6rec(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["m6rec", "guide", *words])
    with pytest.raises(SystemExit) as end:
        app()
    assert end.value.code is None or isinstance(end.value.code, int)
    return end.value.code or 0


def test_guide_without_a_topic_lists_every_guide(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "100")
    assert m6rec(monkeypatch) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line.split()[0] for line in lines] == list(GUIDES)
    assert max(map(len, lines)) <= 100


def test_list_of_guides_fits_a_narrow_terminal(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    assert m6rec(monkeypatch) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 60
    assert lines[-1].startswith(" " * 20), "the text stays in its column"


@pytest.mark.parametrize("topic", GUIDES)
def test_guide_begins_with_a_title_and_one_line_of_summary(topic: str):
    title, blank, summary, after = GUIDES[topic].splitlines()[:4]
    assert title.startswith("# ")
    assert (blank, after) == ("", "")
    assert summary.endswith(".")


def test_guide_in_a_pipe_is_the_text_of_its_file(monkeypatch, capsys):
    assert m6rec(monkeypatch, "nightly") == 0
    file = guide.FOLDER / "nightly.md"
    assert capsys.readouterr().out == file.read_text(encoding="utf-8")


def on_terminal(monkeypatch: pytest.MonkeyPatch, topic: str, width: int) -> str:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys, "stdout", shown := Terminal())
    assert m6rec(monkeypatch, topic) == 0
    return re.sub(r"\x1b\[[\d;]*m", "", shown.getvalue())


def test_guide_on_a_terminal_is_rendered(monkeypatch):
    shown = on_terminal(monkeypatch, "nightly", 80)
    assert "Nightly lists and retraining" in shown
    assert "# Nightly" not in shown
    assert "```" not in shown


@pytest.mark.parametrize("width", [60, 80])
def test_commands_of_a_guide_on_a_terminal_can_be_copied(monkeypatch, width: int):
    shown = on_terminal(monkeypatch, "own-data", width)
    assert re.search(r"\\ +$", shown, re.MULTILINE) is None, "a space after `\\` ends a command"
    start = shown.index("m6rec preprocess --")
    command = next(commands(shown[start:]))
    assert command in list(commands(blocks(GUIDES["own-data"])[1]))


@pytest.mark.parametrize("topic", GUIDES)
def test_code_that_is_not_shell_fits_a_terminal_of_80_columns(topic: str):
    for language in ("python", "sql", "toml", "json", "yaml"):
        for block in blocks(GUIDES[topic], language):
            assert max(map(len, block.splitlines())) <= 80, block


def test_unknown_guide_is_answered_with_the_nearest_one(monkeypatch, capsys):
    assert m6rec(monkeypatch, "nigthly") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "unknown guide `nigthly`" in err
    assert "`nightly`" in err


def test_guide_into_a_closed_pipe_ends_quietly():
    command = f"{sys.executable} -m m6rec_cli guide configuration | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("# Configuration reference\n", "")


def test_configuration_reference_has_every_key_with_default_and_meaning():
    rows = re.findall(
        r"^\| `(\w+\.[\w.]+)` \| `(.*?)` \| (.*?) \| (.+) \|$", GUIDES["configuration"], re.M
    )
    keys = all_keys(Config)
    assert [name for name, *_ in rows] == list(keys)
    for name, default, allowed, meaning in rows:
        assert meaning.replace("\\|", "|") == keys[name].meaning
        assert default
        for choice in keys[name].choices:
            assert f"`{choice}`" in allowed
    assert ("train.alpha", "1.0", ">= 0, <= 1") in [row[:3] for row in rows]


def test_configuration_reference_has_every_preset():
    for name, values in PRESETS.items():
        row = re.search(rf"^\| `{name}` \| (.*) \|$", GUIDES["configuration"], re.MULTILINE)
        assert row is not None
        assert all(f"`{key}=" in row[1] for key in values)
