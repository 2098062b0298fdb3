"""Ids and titles with terminal commands and line ends, in messages."""

import io
import json
from typing import Any

import pytest

from m6rec_cli.cli import console, run
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import Reporter

TRAP = "id\x1b]0;owned\x07\x1b[2J\nerror: forged\r\x9b31m\u202e"
SHOWN = r"id\x1b]0;owned\x07\x1b[2J\nerror: forged\r\x9b31m\u202e"


def reporters(stream: io.StringIO) -> list[Reporter]:
    rich: Any = console.RichReporter(stream)
    rich.console.width = 300
    return [console.PlainReporter(stream), rich]


@pytest.mark.parametrize("which", [0, 1])
def test_reporter_shows_control_characters_as_text(which: int):
    stream = io.StringIO()
    report = reporters(stream)[which]
    report.note(f"note {TRAP}")
    report.warn(f"warn {TRAP}")
    report.table(f"title {TRAP}", ["item"], [[TRAP]])
    shown = stream.getvalue()
    assert shown.count(SHOWN) >= 3  # Rich wraps the title
    assert not {c for c in shown if ord(c) < 32 and c != "\n"} | {"\x9b", "\u202e"} & set(shown)
    assert not any(line.startswith("error:") for line in shown.splitlines())


def test_json_reporter_escapes_control_characters():
    stream = io.StringIO()
    console.JsonReporter(stream).warn(TRAP)
    assert json.loads(stream.getvalue())["text"] == TRAP
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("log_format", ["plain", "json"])
def test_error_shows_control_characters_as_text(
    log_format: console.LogFormat, capsys: pytest.CaptureFixture[str]
):
    def work(report: Reporter) -> None:
        raise M6RecError(f"no item {TRAP}", where=TRAP, hint=TRAP)

    with pytest.raises(SystemExit):
        run.run_stage(work, quiet=False, log_format=log_format, debug=False)
    err = capsys.readouterr().err
    assert not {c for c in err if ord(c) < 32 and c != "\n"} | {"\x9b", "\u202e"} & set(err)
    if log_format == "json":
        assert json.loads(err)["where"] == TRAP
    else:
        assert len(err.splitlines()) == 3
        assert err.count(SHOWN) == 3
