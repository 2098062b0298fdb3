"""SIGTERM and SIGINT: at once, after saving, and when Python drops the exception."""

import signal
import subprocess
import sys

import pytest

from m6rec_cli.system import signals
from m6rec_cli.system.errors import Terminated
from tests.cli.shell import ENVIRONMENT
from tests.system.handlers import foreground, handlers

__all__ = ["foreground", "handlers"]

SIGNALS = pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)]
)


@pytest.mark.usefixtures("handlers")
@SIGNALS
def test_signal_stops_at_once(number: int, code: int):
    with pytest.raises(Terminated) as caught:
        signal.raise_signal(number)
    assert caught.value.exit_code == signals.raised_exit_code() == code


@pytest.mark.usefixtures("handlers")
@SIGNALS
def test_deferred_stop_waits_until_the_block_stops_itself(number: int, code: int):
    with pytest.raises(Terminated) as caught, signals.deferred_stop():
        signals.stop_if_requested()
        assert not signals.stop_requested()
        signal.raise_signal(number)
        assert signals.stop_requested()
        signals.stop_if_requested()
    assert caught.value.exit_code == code


@pytest.mark.usefixtures("handlers")
def test_deferred_stop_ends_with_its_block():
    with signals.deferred_stop():
        pass
    with pytest.raises(Terminated):
        signal.raise_signal(signal.SIGTERM)


@pytest.mark.usefixtures("handlers")
def test_deferred_stop_is_ended_by_a_second_signal():
    with signals.deferred_stop():
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Terminated):
            signal.raise_signal(signal.SIGTERM)


class SignalInDestructor:
    """Python prints and drops the exception of a destructor."""

    def __del__(self):
        signal.raise_signal(signal.SIGTERM)


@pytest.mark.usefixtures("handlers")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_check_stop_raises_again_when_python_dropped_the_exception():
    signals.check_stop()
    SignalInDestructor()
    with pytest.raises(Terminated), signals.deferred_stop():
        signals.check_stop()  # does not raise: the block saves first
        signals.stop_if_requested()
    with pytest.raises(Terminated) as caught:
        signals.check_stop()
    assert caught.value.exit_code == 143


BLOCKED = """
import sys
from m6rec_cli.cli import run
from m6rec_cli.system import signals

def work(report):
    report.note("ready")
    sys.stdin.readline()

signals.install_handlers()
run.run_stage(work, quiet=False, log_format="plain", debug=False)
"""


@pytest.mark.usefixtures("foreground")
@SIGNALS
def test_process_that_gets_a_signal_exits_with_the_documented_code(number: int, code: int):
    with subprocess.Popen(
        [sys.executable, "-c", BLOCKED],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "ready\n"
        process.send_signal(number)
        assert process.wait(30) == code
        assert process.stderr.read() == "stopped\n"
