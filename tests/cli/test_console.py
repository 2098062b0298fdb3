"""The three reporters: plain lines, JSON lines, and a Rich display on a (pseudo) terminal."""

import io
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from m6rec_cli.cli import console
from m6rec_cli.cli.console import JsonReporter, PlainReporter, RichReporter, format_value, reporter
from m6rec_cli.system.progress import Reporter, SilentReporter

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def report_everything(to: Reporter) -> None:
    """Call every method of a reporter."""
    to.note("reading [bold]events.csv[/bold]")
    to.warn("3 rows are odd")
    to.table("counts", ["what", "number"], [["users [x]", 1200], ["share", 0.25], ["none", None]])
    with to.task("train", total=4, unit="steps") as task:
        for loss in (2.0, 1.5, 1.0, 0.5):
            task.advance(1, loss=loss)
    with to.task("scan") as task:
        task.advance()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


# --- the choice of a reporter ---


@pytest.mark.parametrize(
    ("stream", "options", "kind"),
    [
        (io.StringIO(), {}, PlainReporter),
        (io.StringIO(), {"log_format": "json"}, JsonReporter),
        (Terminal(), {}, RichReporter),
        (Terminal(), {"log_format": "plain"}, PlainReporter),
        (Terminal(), {"quiet": True}, PlainReporter),
        (Terminal(), {"log_format": "json", "quiet": True}, JsonReporter),
    ],
)
def test_reporter_is_chosen_by_format_and_terminal(stream: io.StringIO, options: dict, kind: type):
    assert type(reporter(stream=stream, **options)) is kind


def test_reporter_writes_to_stderr_by_default(capsys: pytest.CaptureFixture[str]):
    reporter(log_format="plain").note("hello")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "hello\n")


# --- plain ---


def test_plain_reporter_prints_lines_and_an_aligned_table():
    stream = io.StringIO()
    report_everything(PlainReporter(stream))
    lines = stream.getvalue().splitlines()
    assert lines[:3] == ["reading [bold]events.csv[/bold]", "warning: 3 rows are odd", "counts"]
    assert lines[3:7] == [
        "  what       number",
        "  users [x]   1,200",
        "  share      0.2500",
        "  none            -",
    ]
    assert "\x1b" not in stream.getvalue()


def test_plain_task_prints_its_progress_every_few_seconds(monkeypatch: pytest.MonkeyPatch):
    clock = iter([0.0, 0.0, 2.0, 6.0, 7.0, 12.0])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
    stream = io.StringIO()
    with PlainReporter(stream).task("train", total=100, unit="steps") as task:
        for _ in range(4):
            task.advance(15, loss=1.25)
    assert stream.getvalue().splitlines() == [
        "train: 30/100 steps, 5/s, 14 s left, loss 1.2500",
        "train: 60/100 steps, 5/s, 8 s left, loss 1.2500",
    ]


def test_plain_task_without_a_total_prints_no_time_left(monkeypatch: pytest.MonkeyPatch):
    clock = iter([0.0, 0.0, 10.0])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
    stream = io.StringIO()
    with PlainReporter(stream).task("scan") as task:
        task.advance(50)
    assert stream.getvalue() == "scan: 50, 5/s\n"


def test_plain_reporter_that_is_quiet_prints_warnings_only():
    stream = io.StringIO()
    to = PlainReporter(stream, quiet=True)
    to.every_seconds = 0
    report_everything(to)
    assert stream.getvalue() == "warning: 3 rows are odd\n"


# --- JSON ---


def test_json_reporter_prints_one_object_per_line():
    stream = io.StringIO()
    to = JsonReporter(stream)
    to.every_seconds = 0
    report_everything(to)
    printed = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["level"] for line in printed[:3]] == ["info", "warning", "table"]
    assert printed[2]["rows"][0] == {"what": "users [x]", "number": 1200}
    assert all(isinstance(line["time"], float) for line in printed)
    assert len(printed) == 3 + 4 + 1


def test_json_reporter_that_is_quiet_prints_warnings_only():
    stream = io.StringIO()
    to = JsonReporter(stream, quiet=True)
    to.every_seconds = 0
    report_everything(to)
    assert [json.loads(line)["level"] for line in stream.getvalue().splitlines()] == ["warning"]


def test_json_reporter_prints_other_values_as_text():
    stream = io.StringIO()
    JsonReporter(stream).table("files", ["path"], [[Path("a/b")]])
    assert json.loads(stream.getvalue())["rows"] == [{"path": "a/b"}]


# --- Rich, on a pseudo terminal ---

SCRIPT = (
    "from tests.cli.test_console import report_everything\n"
    "from m6rec_cli.cli.console import reporter\n"
    "import time\n"
    "to = reporter()\n"
    "report_everything(to)\n"
    "with to.task('train [x]', total=3, unit='steps') as task:\n"
    "    for i in range(3):\n"
    "        task.advance(1, loss=0.5); time.sleep(0.15)\n"
)


def on_terminal(**environment: str) -> str:
    """What a process writes to a terminal."""
    ours, theirs = pty.openpty()
    keep = {
        k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "CI", "TERM")
    }
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env=keep | {"TERM": "xterm-256color", "COLUMNS": "120", **environment},
        cwd=Path(__file__).parent.parent,
    )
    os.close(theirs)
    written = b""
    try:
        while chunk := os.read(ours, 4096):
            written += chunk
    except OSError:  # raised by Linux when the other end is closed
        pass
    finally:
        os.close(ours)
    assert process.wait(30) == 0, written.decode()
    return written.decode()


def test_rich_reporter_draws_a_bar_with_rate_and_figures():
    written = on_terminal()
    text = ESCAPE.sub("", written)
    assert "\x1b[" in written
    assert "━" in text
    assert re.search(r"train \[x\].*[1-3]/3.*steps/s.*loss 0\.5000", text)


def test_rich_reporter_shows_square_brackets_as_text():
    text = ESCAPE.sub("", on_terminal())
    assert "reading [bold]events.csv[/bold]" in text
    assert "users [x]" in text


def test_rich_reporter_with_no_color_prints_no_colour():
    colours = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7]|38;[0-9;]*)m")
    assert colours.search(on_terminal())
    assert not colours.search(on_terminal(NO_COLOR="1"))


# --- values, and the silent reporter ---


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0.5, "0.5000"),
        (12345.6, "12,346"),
        (-2.5, "-2.5000"),
        (12345, "12,345"),
        (True, "True"),
        ("a", "a"),
    ],
)
def test_format_value_is_short(value: object, text: str):
    assert format_value(value) == text


def test_silent_reporter_keeps_notes_and_warnings():
    to = SilentReporter()
    report_everything(to)
    assert to.notes == ["reading [bold]events.csv[/bold]", "counts"]
    assert to.warnings == ["3 rows are odd"]
