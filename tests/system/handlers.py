"""Signals as a command in the foreground has them, and the handlers of the command line."""

import signal

import pytest

from m6rec_cli.system import signals

NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM)


@pytest.fixture
def foreground():
    """No signal is ignored: `nohup` and a script's `&` ignore some, and processes inherit that."""
    before = {number: signal.getsignal(number) for number in NUMBERS}
    for number in NUMBERS:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def handlers(foreground: None):
    signals.install_handlers()
    yield
    signals.reset()
