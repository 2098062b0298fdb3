"""The signal handlers of the command line, for one test."""

import signal

import pytest

from m6rec_cli.system import signals


@pytest.fixture
def handlers():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    signals.install_handlers()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    signals.reset()
