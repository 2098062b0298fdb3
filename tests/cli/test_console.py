"""The reporters: plain lines, JSON lines, and which is chosen."""

import io
import json
from pathlib import Path

import pytest

from m6rec_cli.cli import line_reporters
from m6rec_cli.cli.console import JsonReporter, PlainReporter, RichReporter, reporter
from m6rec_cli.cli.shown_values import format_value
from m6rec_cli.system.progress import Reporter, SilentReporter, compiling


def report_everything(to: Reporter) -> None:
    """Call every method of a reporter."""
    to.note("reading [bold]events.csv[/bold]")
    to.warn("3 rows are odd")
    to.event("epoch", "epoch 1: good", epoch=1, best=True)
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
    assert lines[:4] == [
        "reading [bold]events.csv[/bold]",
        "warning: 3 rows are odd",
        "epoch 1: good",
        "counts",
    ]
    assert lines[4:8] == [
        "  what       number",
        "  users [x]   1,200",
        "  share      0.2500",
        "  none            -",
    ]
    assert "\x1b" not in stream.getvalue()


def test_plain_table_aligns_words_to_the_left_by_the_width_that_a_terminal_gives_them():
    stream = io.StringIO()
    rows = [["user", "用户id", "a"], ["not used", "x", "longer"], ["time", "-", "b"]]
    PlainReporter(stream).table("log", ["role", "column", "kind"], rows)
    assert stream.getvalue().splitlines()[1:] == [
        "  role      column  kind",
        "  user      用户id  a",
        "  not used  x       longer",
        "  time      -       b",
    ]


def test_plain_task_counts_rate_and_time_left_from_the_step_after_the_first(
    monkeypatch: pytest.MonkeyPatch,
):
    """The first step, which compiles, takes 30 s; the others a few seconds."""
    clock = iter([0.0, 30.0, 32.0, 36.0, 41.0])
    monkeypatch.setattr(line_reporters.time, "monotonic", lambda: next(clock))
    stream = io.StringIO()
    with PlainReporter(stream).task("train", 100, "steps", "compiling") as task:
        for _ in range(4):
            task.advance(15, loss=1.25)
    assert stream.getvalue().splitlines() == [
        "train: compiling",
        "train: 15/100 steps, loss 1.2500",
        "train: 45/100 steps, 11 s left, 5.0/s, loss 1.2500",
        "train: 60/100 steps, 10 s left, 4.1/s, loss 1.2500",
    ]


def test_plain_task_without_a_total_prints_no_time_left(monkeypatch: pytest.MonkeyPatch):
    clock = iter([0.0, 1.0, 11.0])
    monkeypatch.setattr(line_reporters.time, "monotonic", lambda: next(clock))
    stream = io.StringIO()
    with PlainReporter(stream).task("scan") as task:
        for _ in range(2):
            task.advance(500)
    assert stream.getvalue() == "scan: 1,000, 50/s\n"


def test_plain_status_is_a_line():
    stream = io.StringIO()
    PlainReporter(stream).status("reading the data")
    PlainReporter(stream, quiet=True).status("loading jax")
    assert stream.getvalue() == "reading the data\n"


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
    assert [line["level"] for line in printed[:4]] == ["info", "warning", "info", "table"]
    assert [line["event"] for line in printed[:4]] == ["note", "warning", "epoch", "table"]
    assert (printed[2]["event"], printed[2]["epoch"], printed[2]["best"]) == ("epoch", 1, True)
    assert printed[3]["rows"][0] == {"what": "users [x]", "number": 1200}
    assert all(isinstance(line["time"], float) for line in printed)
    assert len(printed) == 4 + 4 + 1


def test_json_reporter_tells_status_and_progress_by_their_events():
    stream = io.StringIO()
    to = JsonReporter(stream)
    to.every_seconds = 0
    with to.task("train", 4, "steps", "compiling") as task:
        task.advance(3, loss=0.5)
    status, progress = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (status["event"], status["text"]) == ("status", "train: compiling")
    expected = {"event": "progress", "task": "train", "done": 3, "total": 4, "unit": "steps"}
    assert expected.items() <= progress.items()
    assert (progress["per_second"], progress["seconds_left"], progress["loss"]) == (None, None, 0.5)


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
    assert to.notes == ["reading [bold]events.csv[/bold]", "epoch 1: good", "counts"]
    assert to.warnings == ["3 rows are odd"]


@pytest.mark.parametrize(
    ("setting", "told"), [("false", "compiling"), ("true", "compiling, kept for later runs")]
)
def test_compiled_programs_are_kept_only_if_the_cache_is_on(monkeypatch, setting, told):
    monkeypatch.setenv("JAX_ENABLE_COMPILATION_CACHE", setting)
    assert compiling() == told
