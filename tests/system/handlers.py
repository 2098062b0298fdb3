"""The signal handlers of the command line, for one test."""

import signal

import pytest

from m6rec_cli.system import signals

NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM)


@pytest.fixture
def handlers():
    before = {number: signal.getsignal(number) for number in NUMBERS}
    signals.install_handlers()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    signals.reset()
