"""Readers that close a pipe early (`m6rec ... | head`): no traceback, and the work continues."""

import sys
from pathlib import Path

import pytest

from tests.cli.shell import bash

REPORTING = """
import sys
from pathlib import Path
from m6rec_cli.cli import run
from m6rec_cli.cli.outcome import Outcome

def work(report):
    for i in range(10_000):
        report.note(f"line {i}")
    Path(sys.argv[1]).write_text("done")
    return Outcome(done="test", summary={"stage": "test"})

run.run_stage(work, quiet=False, log_format=sys.argv[2], debug=False)
"""
PRINTING = """
from m6rec_cli.cli import run

with run.exit_codes():
    for i in range(10**6):
        print(i)
"""


@pytest.mark.parametrize("log_format", ["plain", "json"])
def test_stage_continues_when_nobody_reads_its_messages(tmp_path: Path, log_format: str):
    out = tmp_path / "out"
    command = f'{sys.executable} -c "$CODE" {out} {log_format}'
    done = bash(f"{{ {command} 2>&1 1>&3 | head -1 >&2; }} 3>&1", CODE=REPORTING)
    assert done.returncode == 0, done.stderr
    assert (out.read_text(), done.stdout) == ("done", '{"stage": "test"}\n')


def test_config_into_a_pipe_that_closes_prints_no_error():
    done = bash(f"{sys.executable} -m m6rec_cli config | head -1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "[data]\n", "")


def test_output_larger_than_a_pipe_that_closes_prints_no_error():
    done = bash(f'{sys.executable} -c "$CODE" | head -1', CODE=PRINTING)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")
