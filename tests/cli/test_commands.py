"""The command line: help, version, usage errors, the configuration, faults of every stage."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from m6rec_cli import __version__
from m6rec_cli.cli.subcommands import NAMES
from tests.cli.shell import ENVIRONMENT, m6rec

COMMANDS = (
    *("preprocess", "pretrain", "finetune", "recommend", "evaluate"),
    *("export", "tune", "inspect", "config", "guide", "doctor"),
)


def test_version_is_that_of_the_package():
    done = m6rec("--version")
    assert (done.returncode, done.stdout) == (0, f"{__version__}\n")


@pytest.mark.parametrize("args", [["--help"], ["-h"]], ids=" ".join)
def test_help_lists_every_command(args: list[str]):
    done = m6rec(*args)
    assert (done.returncode, done.stderr) == (0, "")
    section = done.stdout.partition("Commands")[2].partition("Options")[0]
    listed = [line.split()[0] for line in section.splitlines() if line.startswith("  ")]
    assert listed == list(NAMES)
    assert set(listed) == set(COMMANDS)


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["recommend", "--help"]], ids=" ".join)
def test_help_that_cannot_be_written_exits_1_without_a_traceback(args: list[str]):
    command = [sys.executable, "-m", "m6rec_cli", *args]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
        )
    assert done.returncode == 1
    assert done.stderr.startswith("error: the disk is full")


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["recommend", "--help"]], ids=" ".join)
def test_help_into_a_closed_pipe_prints_nothing(args: list[str]):
    command = [sys.executable, "-m", "m6rec_cli", *args]
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        done = subprocess.run(
            command, stdout=closed, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
        )
    assert done.stderr == ""


def test_no_command_shows_the_help_and_exits_2():
    done = m6rec()
    assert (done.returncode, done.stdout, done.stderr) == (2, "", m6rec("--help").stdout)


def test_help_of_a_command_has_a_short_flag():
    assert m6rec("evaluate", "-h").stdout == m6rec("evaluate", "--help").stdout != ""


@pytest.mark.parametrize(
    "args",
    [
        ["preproces"],
        ["config", "--no-such"],
        ["pretrain"],
        ["pretrain", "DATA"],
        ["pretrain", "DATA", "--refit", "RUN", "--out", "OUT", "--preset", "tiny"],
        ["config", "--set"],
    ],
    ids=" ".join,
)
def test_usage_error_exits_2_without_a_traceback(args: list[str]):
    done = m6rec(*args)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "error" in done.stderr.lower()
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("args", "choices"),
    [
        (["config", "--stage", "finetun"], "'finetun' is not one of 'pretrain', 'finetune'"),
        (
            ["pretrain", "DATA", "--out", "RUN", "--log-format", "xml"],
            "'xml' is not one of 'auto', 'plain', 'json'",
        ),
        (
            ["recommend", "RUN", "--out", "-", "--before", "tes"],
            "'tes' is not one of 'all', 'test', 'valid', 'cold'",
        ),
    ],
)
def test_flag_that_is_no_choice_exits_2_and_lists_the_choices(args: list[str], choices: str):
    done = m6rec(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"Invalid value for '{args[-2]}'" in done.stderr
    assert choices in done.stderr


def test_config_prints_toml_that_config_reads_back(tmp_path: Path):
    first = m6rec("config", "--preset", "tiny", "--set", "train.epochs=3")
    assert first.returncode == 0
    (tmp_path / "c.toml").write_text(first.stdout, encoding="utf-8")
    assert m6rec("config", "--config", tmp_path / "c.toml").stdout == first.stdout


def test_config_with_an_unknown_key_exits_1_with_a_hint():
    done = m6rec("config", "--set", "train.epoch=3")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "error: unknown configuration key `train.epoch`",
        "  where: --set",
        "  hint: did you mean `train.epochs`?",
    ]


def test_config_stage_decides_which_parts_are_trainable():
    assert 'trainable = ["encoder", "decoder"]' in m6rec("config", "--stage", "pretrain").stdout
    assert 'trainable = ["generator"]' in m6rec("config", "--stage", "finetune").stdout


MISSING_INPUT: dict[str, Callable[[Path], list[str | Path]]] = {
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


@pytest.mark.parametrize("command", list(MISSING_INPUT))
def test_command_with_a_missing_input_exits_1_names_it_and_writes_nothing(
    command: str, tmp_path: Path
):
    done = m6rec(*MISSING_INPUT[command](tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert "\nerror: " in "\n" + done.stderr  # after what the command began with
    assert str(tmp_path / "no") in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", list(MISSING_INPUT))
def test_command_with_an_unknown_key_exits_1_with_a_hint(command: str, tmp_path: Path):
    done = m6rec(*MISSING_INPUT[command](tmp_path), "--set", "train.epoch=3")
    assert done.returncode == 1
    if command != "finetune":  # finetune reads the parent run's configuration first
        assert "unknown configuration key `train.epoch`" in done.stderr
