"""Signals that are dropped by callbacks, and those that arrive in compiled code."""

import signal
import subprocess
import sys
import time

import pytest

from tests.cli.shell import ENVIRONMENT
from tests.system.handlers import foreground

__all__ = ["foreground"]
pytestmark = pytest.mark.usefixtures("foreground")

START = """
import gc, sys, time, zlib
from m6rec_cli.cli import run
from m6rec_cli.system import signals

def say(line):
    print(line, file=sys.stderr, flush=True)

signals.install_handlers(say)
"""
END = """
run.run_stage(work, quiet=False, log_format="plain", debug=False)
"""
WORK = {
    "destructor": """
class Slow:
    def __del__(self):
        time.sleep(2)  # the signal arrives here, and Python drops its exception

def work(report):
    report.note("ready")
    Slow()
    time.sleep(30)
""",
    "collector hook": """
gc.callbacks.append(lambda *args: time.sleep(2))

def work(report):
    report.note("ready")
    gc.collect()
    time.sleep(30)
""",
    "library that catches everything": """
def work(report):
    report.note("ready")
    try:
        time.sleep(30)
    except BaseException:
        pass
    time.sleep(30)
""",
    "library that tidies up": """
def work(report):
    report.note("ready")
    try:
        time.sleep(30)
    finally:
        time.sleep(1)  # the exception is on its way: it is not raised again within this
        report.note("tidy")
""",
    "compiled code": """
def work(report):
    data = bytes(1 << 20) * 700
    report.note("ready")
    zlib.crc32(data * 2)  # releases the interpreter lock, handles no signal
    for _ in range(60):
        zlib.compress(data, 9)
""",
}


def stopped(work: str, number: int, *, twice: bool = False) -> tuple[int, str, float]:
    """Send a signal to the work; its exit code, what it said and the seconds that it took."""
    with subprocess.Popen(
        [sys.executable, "-c", START + WORK[work] + END],
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "ready\n"
        time.sleep(0.3)
        started = time.monotonic()
        process.send_signal(number)
        if twice:
            time.sleep(1)
            process.send_signal(number)
        code = process.wait(60)
        return code, process.stderr.read(), time.monotonic() - started


@pytest.mark.parametrize(
    "work", ["destructor", "collector hook", "library that catches everything"]
)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signal_whose_exception_is_dropped_stops_the_work(work: str, number: int, code: int):
    exit_code, said, seconds = stopped(work, number)
    assert exit_code == code
    assert said.splitlines()[-1] == "stopped"
    assert "Traceback" not in said
    assert seconds < 15


def test_signal_lets_the_work_tidy_up():
    code, said, _ = stopped("library that tidies up", signal.SIGTERM)
    assert code == 143
    assert said.splitlines()[-2:] == ["tidy", "stopped"]


def test_signal_in_compiled_code_is_acknowledged_and_a_second_one_ends_it():
    code, said, seconds = stopped("compiled code", signal.SIGINT, twice=True)
    assert code == 130
    assert said.startswith("stopping after the running step; a second Ctrl-C ends the command")
    assert seconds < 15


def test_signal_that_is_ignored_from_the_start_stays_ignored():
    code = (
        START
        + """
import os, signal
os.kill(os.getpid(), signal.SIGHUP)
print("went on")
"""
    )
    done = subprocess.run(
        ["sh", "-c", 'trap "" HUP; exec "$0" -c "$1"', sys.executable, code],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=60,
    )
    assert done.stdout == "went on\n"
