"""The command line as a shell sees it: exit codes, messages, signals, pipes."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from m6rec_cli import __version__
from m6rec_cli.cli import run
from m6rec_cli.cli.app import app
from m6rec_cli.system import signals
from m6rec_cli.system.errors import M6RecError, Terminated, UsageError
from m6rec_cli.system.progress import Reporter, Summary

COMMANDS = ("preprocess", "pretrain", "finetune", "recommend", "evaluate", "config", "guide")
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COV"))}


def m6rec(*args: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "m6rec_cli", *map(str, args)],
        input=stdin,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=120,
    )


# --- exit codes of a stage ---


def outcome(
    error: BaseException | None, capsys: pytest.CaptureFixture[str], *, debug: bool = False
) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a stage that raises `error`, or ends well."""

    def work(report: Reporter) -> Summary:
        if error is not None:
            raise error
        return {"users": 3, "name": "größer"}

    code = 0
    try:
        run.run_stage(work, quiet=False, log_format="plain", debug=debug)
    except SystemExit as end:
        assert isinstance(end.code, int)
        code = end.code
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_stage_that_ends_well_prints_one_json_object(capsys: pytest.CaptureFixture[str]):
    code, out, err = outcome(None, capsys)
    assert (code, err) == (0, "")
    assert out.count("\n") == 1
    assert json.loads(out) == {"users": 3, "name": "größer"}


def test_stage_without_a_summary_prints_nothing(capsys: pytest.CaptureFixture[str]):
    run.run_stage(lambda report: None, quiet=False, log_format="auto", debug=False)
    assert capsys.readouterr().out == ""


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
            "error: this is a bug in m6rec: KeyError: 'rows'\n  hint: run again with `--debug` and report the traceback\n",
        ),
        (
            MemoryError("Unable to allocate 9 GiB"),
            1,
            "error: there is not enough memory: Unable to allocate 9 GiB\n  hint: in training lower `train.batch_targets`, or divide the tables: `train.model_parallel`\n",
        ),
        (
            RuntimeError("RESOURCE_EXHAUSTED: Out of memory"),
            1,
            "error: there is not enough memory: RESOURCE_EXHAUSTED: Out of memory\n  hint: in training lower `train.batch_targets`, or divide the tables: `train.model_parallel`\n",
        ),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (Terminated(130), 130, "stopped\n"),
        (Terminated(143), 143, "stopped\n"),
    ],
)
def test_stage_that_fails_exits_with_its_code_and_message(
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
                "hint": "run again with `--debug` and report the traceback",
            },
        ),
        (
            OSError(28, "No space left on device", "out"),
            1,
            {
                "level": "error",
                "text": "the system refused: No space left on device",
                "where": "out",
                "hint": "is there room on the disk, and may you write there?",
            },
        ),
        (Terminated(143), 143, {"level": "stopped", "text": "stopped"}),
        (KeyboardInterrupt(), 130, {"level": "stopped", "text": "interrupted"}),
    ],
)
def test_stage_that_fails_says_so_in_json_where_that_is_asked(
    error: BaseException, code: int, body: dict[str, Any], capsys: pytest.CaptureFixture[str]
):
    def work(report: Reporter) -> Summary:
        raise error

    with pytest.raises(SystemExit) as end:
        run.run_stage(work, quiet=False, log_format="json", debug=False)
    assert end.value.code == code
    (line,) = capsys.readouterr().err.splitlines()
    said = json.loads(line)
    assert said.pop("time") > 0
    assert said == {**body, "exit_code": code}


def test_stage_on_a_full_disk_names_the_file(capsys: pytest.CaptureFixture[str]):
    code, _, err = outcome(OSError(28, "No space left on device", "out/data"), capsys)
    assert code == 1
    assert err.startswith("error: the system refused: No space left on device\n  where: out/data\n")


@pytest.mark.parametrize("error", [M6RecError("no events"), KeyError("rows")])
def test_stage_with_debug_shows_the_traceback(error: Exception, capsys: pytest.CaptureFixture[str]):
    _, out, err = outcome(error, capsys, debug=True)
    assert out == ""
    assert "Traceback" in err
    assert "Traceback" not in outcome(error, capsys)[2]


def test_stage_with_an_unknown_log_format_is_a_usage_error(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as end:
        run.run_stage(lambda report: None, quiet=False, log_format="xml", debug=False)
    assert end.value.code == 2
    assert "`--log-format` cannot be `xml`\n  hint: auto, plain or json" in capsys.readouterr().err


def test_stage_whose_summary_holds_nan_is_a_bug(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as end:
        run.run_stage(
            lambda report: {"loss": float("nan")}, quiet=False, log_format="auto", debug=False
        )
    assert end.value.code == 3
    assert capsys.readouterr().out == ""


# --- stopping ---


@pytest.fixture
def handlers():
    """The handlers of the command line, for one test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    signals.install_handlers()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    signals._asked.clear()
    signals._raised.clear()


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signal_outside_patient_work_stops_at_once(number: int, code: int):
    with pytest.raises(Terminated) as caught:
        signal.raise_signal(number)
    assert caught.value.exit_code == code


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signal_within_patient_work_waits_for_now(number: int, code: int):
    with pytest.raises(Terminated) as caught, signals.deferred_stop():
        signals.stop_if_requested()
        assert not signals.stop_requested()
        signal.raise_signal(number)
        assert signals.stop_requested()
        signals.stop_if_requested()
    assert caught.value.exit_code == code


class Noisy:
    """An exception in its destructor is printed and lost, as in any callback of the interpreter."""

    def __del__(self):
        signal.raise_signal(signal.SIGTERM)


@pytest.mark.usefixtures("handlers")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_signal_whose_exception_is_lost_stops_at_the_next_check():
    signals.check_stop()
    Noisy()
    with pytest.raises(Terminated), signals.deferred_stop():
        signals.check_stop()  # who wants to save first is let
        signals.stop_if_requested()
    with pytest.raises(Terminated) as caught:
        signals.check_stop()
    assert caught.value.exit_code == 143


@pytest.mark.usefixtures("handlers")
def test_signal_that_a_library_wraps_is_no_bug(capsys: pytest.CaptureFixture[str]):
    def work(report: object) -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except Terminated as error:
            raise RuntimeError("the callback failed") from error

    with pytest.raises(SystemExit) as end:
        run.run_stage(work, quiet=False, log_format="plain", debug=False)
    assert end.value.code == 130
    assert capsys.readouterr().err == "stopped\n"


@pytest.mark.usefixtures("handlers")
def test_fault_after_a_signal_that_nobody_raised_is_no_orderly_stop(
    capsys: pytest.CaptureFixture[str],
):
    def work(report: object) -> None:
        with signals.deferred_stop():
            signal.raise_signal(signal.SIGTERM)
            raise ValueError("the checkpoint cannot be written")

    with pytest.raises(SystemExit) as end:
        run.run_stage(work, quiet=False, log_format="plain", debug=False)
    assert end.value.code == 3
    assert "ValueError: the checkpoint cannot be written" in capsys.readouterr().err


@pytest.mark.usefixtures("handlers")
def test_second_signal_within_patient_work_stops_at_once():
    with signals.deferred_stop():
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Terminated):
            signal.raise_signal(signal.SIGTERM)


SLEEPER = (
    "import time\n"
    "from m6rec_cli.system import signals as stop\n"
    "from m6rec_cli.cli import run\n"
    "stop.install()\n"
    "def work(report):\n"
    "    report.note('ready')\n"
    "    time.sleep(60)\n"
    "run.stage(work, quiet=False, log_format='plain', debug=False)\n"
)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_process_that_gets_a_signal_exits_with_the_documented_code(number: int, code: int):
    with subprocess.Popen(
        [sys.executable, "-c", SLEEPER], stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "ready\n"
        process.send_signal(number)
        assert process.wait(30) == code
        assert process.stderr.read() == "stopped\n"


# --- the command ---


def test_version_is_the_packages():
    done = m6rec("--version")
    assert (done.returncode, done.stdout) == (0, f"{__version__}\n")


@pytest.mark.parametrize("args", [["--help"], ["-h"]], ids=" ".join)
def test_help_names_every_command(args: list[str]):
    done = m6rec(*args)
    assert (done.returncode, done.stderr) == (0, "")
    listed = done.stdout.partition("Commands")[2].partition("Options")[0]
    named = [line.split()[0] for line in listed.splitlines() if line.startswith("  ")]
    assert named == [command.name for command in app.registered_commands]
    assert set(named) == set(COMMANDS)


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["recommend", "--help"]], ids=" ".join)
def test_help_that_cannot_be_written_has_no_traceback(args: list[str]):
    command = [sys.executable, "-m", "m6rec_cli", *args]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
        )
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        1,
        "error: the system refused: No space left on device",
    )
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as broken:
        done = subprocess.run(
            command, stdout=broken, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
        )
    assert done.stderr == ""


def test_no_command_shows_the_same_help_and_exits_2():
    done = m6rec()
    assert (done.returncode, done.stdout, done.stderr) == (2, "", m6rec("--help").stdout)


def test_help_has_a_short_flag_in_the_commands_too():
    assert m6rec("evaluate", "-h").stdout == m6rec("evaluate", "--help").stdout != ""


@pytest.mark.parametrize(
    "args",
    [
        ["preproces"],
        ["config", "--no-such"],
        ["pretrain"],
        ["pretrain", "DATA"],
        ["config", "--set"],
    ],
    ids=" ".join,
)
def test_command_line_that_cannot_be_understood_exits_2(args: list[str]):
    done = m6rec(*args)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Error" in done.stderr
    assert "Traceback" not in done.stderr


def test_config_prints_toml_that_config_takes_back(tmp_path: Path):
    first = m6rec("config", "--preset", "tiny", "--set", "train.epochs=3")
    assert first.returncode == 0
    (tmp_path / "c.toml").write_text(first.stdout, encoding="utf-8")
    assert m6rec("config", "--config", tmp_path / "c.toml").stdout == first.stdout


def test_config_with_a_wrong_key_exits_1_with_the_hint():
    done = m6rec("config", "--set", "train.epoch=3")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: unknown configuration key `train.epoch`\n  where: --set\n  hint: did you mean `train.epochs`?\n"
    )


def test_config_of_the_stages_differs_in_what_learns():
    assert 'trainable = ["encoder", "decoder"]' in m6rec("config", "--stage", "pretrain").stdout
    assert 'trainable = ["generator"]' in m6rec("config", "--stage", "finetune").stdout


def test_config_of_a_stage_that_is_none():
    done = m6rec("config", "--stage", "finetun")
    assert (done.returncode, done.stderr) == (
        2,
        "error: `--stage` cannot be `finetun`\n  hint: did you mean `finetune`?\n",
    )


def test_work_goes_on_when_nobody_reads_what_it_tells(tmp_path: Path):
    code = (
        "import sys\n"
        "from m6rec_cli.cli import run\n"
        "def work(report):\n"
        "    for i in range(10_000):\n"
        "        report.note(f'line {i}')\n"
        "    open(sys.argv[1], 'w').write('done')\n"
        "    return {'stage': 'test'}\n"
        "run.stage(work, quiet=False, log_format=sys.argv[2], debug=False)\n"
    )
    for form in ("plain", "json"):
        out = tmp_path / form
        shell = f'set -o pipefail; {{ {sys.executable} -c "$CODE" {out} {form} 2>&1 1>&3 | head -1 >&2; }} 3>&1'
        done = subprocess.run(
            ["bash", "-c", shell],
            capture_output=True,
            text=True,
            env={**ENVIRONMENT, "CODE": code},
            timeout=60,
        )
        assert (done.returncode, out.read_text(), done.stdout) == (
            0,
            "done",
            '{"stage": "test"}\n',
        ), done.stderr


def test_config_into_a_pipe_that_closes_ends_in_silence():
    shell = f"set -o pipefail; {sys.executable} -m m6rec_cli config | head -1"
    done = subprocess.run(
        ["bash", "-c", shell], capture_output=True, text=True, env=ENVIRONMENT, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "[data]\n"


def test_output_larger_than_a_pipe_into_one_that_closes_ends_in_silence():
    code = (
        "from m6rec_cli.cli import run\n"
        "with run.exit_codes():\n"
        "    for i in range(10**6):\n"
        "        print(i)\n"
    )
    shell = f"set -o pipefail; {sys.executable} -c '{code}' | head -1"
    done = subprocess.run(
        ["bash", "-c", shell], capture_output=True, text=True, env=ENVIRONMENT, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


# --- wrong on purpose, each stage ---

WRONG: dict[str, Callable[[Path], list[str | Path]]] = {
    "preprocess": lambda at: ["preprocess", "--interactions", at / "none.csv", "--out", at / "out"],
    "pretrain": lambda at: ["pretrain", at / "none", "--out", at / "out"],
    "finetune": lambda at: ["finetune", at / "none", "--init", at / "nor", "--out", at / "out"],
    "recommend": lambda at: [
        "recommend",
        at / "none",
        "--data",
        at / "nor",
        "--out",
        at / "out.csv",
    ],
    "evaluate": lambda at: ["evaluate", at / "none", "--data", at / "nor", "--out", at / "out"],
}


@pytest.mark.parametrize("command", list(WRONG))
def test_stage_with_a_missing_input_exits_1_names_it_and_writes_nothing(
    command: str, tmp_path: Path
):
    done = m6rec(*WRONG[command](tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert str(tmp_path / "no") in done.stderr, "the path is named"
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", list(WRONG))
def test_stage_with_a_wrong_key_exits_1_with_the_hint(command: str, tmp_path: Path):
    done = m6rec(*WRONG[command](tmp_path), "--set", "train.epoch=3")
    assert done.returncode == 1
    if (
        command != "finetune"
    ):  # which reads its parent run first: the configuration is laid over the parent's
        assert "unknown configuration key `train.epoch`" in done.stderr
