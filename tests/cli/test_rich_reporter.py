"""The reporter for terminals: a Rich display on a (pseudo) terminal."""

import io
import os
import re
import sys
from pathlib import Path

import pytest
from rich.console import Console

from m6rec_cli.cli.console import RichReporter
from tests.cli import shell

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

SCRIPT = (
    "from tests.cli.test_console import report_everything\n"
    "from m6rec_cli.cli.console import reporter\n"
    "import time\n"
    "to = reporter()\n"
    "report_everything(to)\n"
    "to.status('loading [x]')\n"
    "with to.task('train [x]', total=3, unit='steps', first='compiling') as task:\n"
    "    for i in range(3):\n"
    "        task.advance(1, loss=0.5); time.sleep(0.15)\n"
)


def on_terminal(**environment: str) -> str:
    """What a process writes to a terminal."""
    keep = {
        k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "CI", "TERM")
    }
    return shell.on_terminal(
        [sys.executable, "-c", SCRIPT],
        env=keep | {"TERM": "xterm-256color", "COLUMNS": "120", **environment},
        cwd=Path(__file__).parent.parent,
    )


def test_rich_reporter_draws_a_bar_with_rate_and_figures():
    written = on_terminal()
    text = ESCAPE.sub("", written)
    assert "\x1b[" in written
    assert "━" in text
    assert re.search(r"loading \[x\]", text)
    assert re.search(r"train \[x\].*compiling", text)
    assert re.search(r"train \[x\].*[23]/3 steps .*s left .*/s .*loss 0\.5000", text)


def test_rich_reporter_shows_square_brackets_as_text():
    text = ESCAPE.sub("", on_terminal())
    assert "reading [bold]events.csv[/bold]" in text
    assert "users [x]" in text


def test_rich_reporter_with_no_color_prints_no_colour():
    colours = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7]|38;[0-9;]*)m")
    assert colours.search(on_terminal())
    assert not colours.search(on_terminal(NO_COLOR="1"))


def test_rich_reporter_repeats_warnings_once_each():
    stream = io.StringIO()
    to = RichReporter(stream)
    to.repeat_warnings()
    assert stream.getvalue() == ""
    for text in ("3 rows are [odd]", "ids are joined", "3 rows are [odd]"):
        to.warn(text)
    to.note("done")
    to.repeat_warnings()
    end = stream.getvalue().partition("done\n")[2]
    assert end.splitlines() == ["what to check:", "- 3 rows are [odd]", "- ids are joined"]


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_rich_task_fits_the_width_and_cuts_nothing(width: int):
    stream = io.StringIO()
    to = RichReporter(stream)
    to.console = Console(file=stream, force_terminal=True, width=width)
    with to.task("evaluating " + "some/folder/" * 9, 883_000, "users", "compiling") as task:
        for _ in range(3):
            task.advance(294_333, epoch="1/24", loss=0.5, step=12_345)
    lines = re.split(r"[\r\n]+", ESCAPE.sub("", stream.getvalue()))
    drawn = [line.rstrip() for line in lines if "/883,000 users" in line]
    assert drawn
    assert max(map(len, drawn)) <= width
    last = drawn[-1].partition("883,000 users")[2]
    assert last.split("  ")[-1].strip() in ("", "0.0 s left", "loss 0.5000", "step 12,345") or (
        last.endswith("/s")
    )


def test_rich_status_leaves_the_rows_for_a_pipe_where_they_go(capsys: pytest.CaptureFixture[str]):
    stream = io.StringIO()
    to = RichReporter(stream)
    to.console = Console(file=stream, force_terminal=True)
    to.status("loading jax")
    print("rows")
    to.status("reading")
    to.close()
    to.close()
    assert capsys.readouterr().out == "rows\n"
    assert "loading jax" in stream.getvalue()


def test_rich_task_leaves_the_rows_for_a_pipe_where_they_go(capsys: pytest.CaptureFixture[str]):
    stream = io.StringIO()
    to = RichReporter(stream)
    to.console = Console(file=stream, force_terminal=True)
    with to.task("recommend", total=1):
        print("rows")
    assert capsys.readouterr().out == "rows\n"


def test_rich_event_that_names_a_command_is_not_broken_for_copying():
    stream = io.StringIO()
    to = RichReporter(stream)
    to.console.width = 20
    to.event("next", "next: m6rec evaluate a/long/path")
    assert stream.getvalue() == "next: m6rec evaluate a/long/path\n"


def test_rich_event_in_words_is_broken_between_words():
    stream = io.StringIO()
    to = RichReporter(stream)
    to.console.width = 30
    to.event("next", "next: the same with `--out DIR`; edit it first")
    assert stream.getvalue() == "next: the same with\n`--out DIR`; edit it first\n"


def test_rich_table_folds_long_words_instead_of_cutting_them():
    stream = io.StringIO()
    to = RichReporter(stream)
    to.console.width = 40
    to.table("log", ["role", "column"], [["not used", "a_very_long_name_of_a_column_" * 3]])
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= 40
    assert "…" not in stream.getvalue()
