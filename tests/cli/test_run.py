"""A stage that ends, fails or is stopped: its summary, its message, its exit code."""

import json
import re
import signal
import sys
from typing import Any

import pytest

from m6rec_cli.cli import run
from m6rec_cli.cli.outcome import Outcome
from m6rec_cli.system import signals
from m6rec_cli.system.errors import M6RecError, Terminated, UsageError
from m6rec_cli.system.progress import Reporter
from tests.system.handlers import foreground, handlers

__all__ = ["foreground", "handlers"]

OUTCOME = Outcome(
    done="3 users → recs.csv",
    next_step="m6rec guide nightly",
    summary={"users": 3, "name": "größer"},
)
BUG_HINT = "run again with `--debug` and report the traceback"
MEMORY_HINT = (
    "in training lower `train.batch_targets`, or spread the tables over devices: "
    "`train.model_parallel`"
)


def outcome(
    error: BaseException | None, capsys: pytest.CaptureFixture[str], *, debug: bool = False
) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a stage that raises `error`, or succeeds if it is None."""

    def work(report: Reporter) -> Outcome:
        if error is not None:
            raise error
        return OUTCOME

    code = 0
    try:
        run.run_stage(work, quiet=False, log_format="plain", debug=debug)
    except SystemExit as end:
        assert isinstance(end.code, int)
        code = end.code
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_run_stage_that_succeeds_prints_its_summary_as_one_line(
    capsys: pytest.CaptureFixture[str],
):
    code, out, err = outcome(None, capsys)
    assert code == 0
    assert out.count("\n") == 1
    assert json.loads(out) == {"users": 3, "name": "größer"}
    assert re.fullmatch(r"✓ 3 users → recs\.csv in 0\.\d s\nnext: m6rec guide nightly\n", err), err


@pytest.mark.parametrize("as_json", [False, True])
def test_run_stage_on_a_terminal_prints_json_on_request_only(
    as_json: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    run.run_stage(
        lambda report: OUTCOME, quiet=False, log_format="plain", debug=False, as_json=as_json
    )
    out, err = capsys.readouterr()
    assert bool(out) == as_json
    assert "next: m6rec guide nightly\n" in err


def test_run_stage_without_a_summary_prints_its_last_line_alone(
    capsys: pytest.CaptureFixture[str],
):
    run.run_stage(
        lambda report: Outcome(done="schema"), quiet=False, log_format="plain", debug=False
    )
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("✓ schema in ")
    assert err.count("\n") == 1


def test_run_stage_that_is_quiet_prints_json_alone(capsys: pytest.CaptureFixture[str]):
    run.run_stage(lambda report: OUTCOME, quiet=True, log_format="auto", debug=False)
    out, err = capsys.readouterr()
    assert (json.loads(out)["users"], err) == (3, "")


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (
            M6RecError("no events", where="e.csv", hint="add some"),
            1,
            "error: no events\n  where: e.csv\n  hint: add some\n",
        ),
        (UsageError("one or the other"), 2, "error: one or the other\n"),
        (
            KeyError("rows"),
            3,
            f"error: this is a bug in m6rec: KeyError: 'rows'\n  hint: {BUG_HINT}\n",
        ),
        (
            MemoryError("Unable to allocate 9 GiB"),
            1,
            f"error: out of memory: Unable to allocate 9 GiB\n  hint: {MEMORY_HINT}\n",
        ),
        (
            RuntimeError("RESOURCE_EXHAUSTED: 9 GiB"),
            1,
            f"error: out of memory: RESOURCE_EXHAUSTED: 9 GiB\n  hint: {MEMORY_HINT}\n",
        ),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (Terminated(130), 130, "stopped\n"),
        (Terminated(143), 143, "stopped\n"),
    ],
)
def test_run_stage_that_fails_exits_with_its_code_and_message(
    error: BaseException, code: int, message: str, capsys: pytest.CaptureFixture[str]
):
    assert outcome(error, capsys) == (code, "", message)


@pytest.mark.parametrize(
    ("error", "code", "body"),
    [
        (
            M6RecError("no events", where="e.csv", hint="add some"),
            1,
            {"level": "error", "text": "no events", "where": "e.csv", "hint": "add some"},
        ),
        (
            KeyError("rows"),
            3,
            {
                "level": "error",
                "text": "this is a bug in m6rec: KeyError: 'rows'",
                "hint": BUG_HINT,
            },
        ),
        (
            OSError(30, "Read-only file system", "out"),
            1,
            {
                "level": "error",
                "text": "the system refused: Read-only file system",
                "where": "out",
                "hint": "does the place exist, and may you read and write there?",
            },
        ),
        (Terminated(143), 143, {"level": "stopped", "text": "stopped"}),
        (KeyboardInterrupt(), 130, {"level": "stopped", "text": "interrupted"}),
    ],
)
def test_run_stage_that_fails_prints_json_with_log_format_json(
    error: BaseException, code: int, body: dict[str, Any], capsys: pytest.CaptureFixture[str]
):
    def work(report: Reporter) -> Outcome:
        raise error

    with pytest.raises(SystemExit) as end:
        run.run_stage(work, quiet=False, log_format="json", debug=False)
    assert end.value.code == code
    (line,) = capsys.readouterr().err.splitlines()
    printed = json.loads(line)
    assert printed.pop("time") > 0
    assert printed == {**body, "event": body["level"], "exit_code": code}


def test_run_stage_on_a_full_disk_names_the_file(capsys: pytest.CaptureFixture[str]):
    code, _, err = outcome(OSError(28, "No space left on device", "out/data"), capsys)
    assert code == 1
    assert err.startswith("error: the disk is full, or its quota is used up\n  where: out/data, on")


@pytest.mark.parametrize("error", [M6RecError("no events"), KeyError("rows")])
def test_run_stage_shows_the_traceback_with_debug_only(
    error: Exception, capsys: pytest.CaptureFixture[str]
):
    _, out, err = outcome(error, capsys, debug=True)
    assert out == ""
    assert "Traceback" in err
    assert "Traceback" not in outcome(error, capsys)[2]


def test_run_stage_with_nan_in_its_summary_is_a_bug(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as end:
        run.run_stage(
            lambda report: Outcome(done="", summary={"loss": float("nan")}),
            quiet=False,
            log_format="auto",
            debug=False,
        )
    assert end.value.code == 3
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("handlers")
def test_run_stage_whose_library_wraps_a_signal_is_stopped(capsys: pytest.CaptureFixture[str]):
    def work(report: Reporter) -> Outcome:
        try:
            signal.raise_signal(signal.SIGINT)
        except Terminated as error:
            raise RuntimeError("the callback failed") from error
        return OUTCOME

    with pytest.raises(SystemExit) as end:
        run.run_stage(work, quiet=False, log_format="plain", debug=False)
    assert end.value.code == 130
    assert capsys.readouterr().err == "stopped\n"


@pytest.mark.usefixtures("handlers")
def test_run_stage_that_fails_after_a_deferred_signal_is_a_bug(capsys: pytest.CaptureFixture[str]):
    def work(report: Reporter) -> Outcome:
        with signals.deferred_stop():
            signal.raise_signal(signal.SIGTERM)
            raise ValueError("the checkpoint cannot be written")

    with pytest.raises(SystemExit) as end:
        run.run_stage(work, quiet=False, log_format="plain", debug=False)
    assert end.value.code == 3
    assert "ValueError: the checkpoint cannot be written" in capsys.readouterr().err
