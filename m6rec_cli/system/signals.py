"""SIGTERM and SIGINT to an orderly stop of the work.

The first signal raises `Terminated`. Two cases need more than that:

- Work that has to be saved runs in `deferred_stop`. The first signal then only sets
  `stop_requested`, and the work saves and calls `stop_if_requested`; a second signal ends it.
- Python prints and drops an exception that is raised within a callback of the interpreter (a
  destructor, a hook of the garbage collector). Long loops therefore call `check_stop`, too.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from m6rec_cli.system.errors import Terminated

_EXIT_CODES = {signal.SIGTERM: 143, signal.SIGINT: 130}
_requested: list[int] = []
"""The exit codes of the signals that have arrived."""
_raised: list[int] = []
"""The exit codes that `Terminated` was raised with."""
_deferrals = 0
"""Number of `deferred_stop` blocks that are active."""


def install_handlers() -> None:
    """Install the signal handlers; the command line does this once."""
    for number in _EXIT_CODES:
        signal.signal(number, _handle)


def _handle(number: int, frame: FrameType | None) -> None:
    is_second = bool(_requested)
    _requested.append(_EXIT_CODES[signal.Signals(number)])
    if is_second or not _deferrals:
        _stop(_requested[-1])


@contextmanager
def deferred_stop() -> Iterator[None]:
    """Within the block the first signal does not raise; the block saves, then stops itself."""
    global _deferrals
    _deferrals += 1
    try:
        yield
    finally:
        _deferrals -= 1


def stop_requested() -> bool:
    """Whether a signal has arrived."""
    return bool(_requested)


def raised_exit_code() -> int | None:
    """The exit code of the first `Terminated` that was raised; later errors may follow from it."""
    return _raised[0] if _raised else None


def check_stop() -> None:
    """Raise `Terminated` if a signal has arrived, except within `deferred_stop`."""
    if not _deferrals:
        stop_if_requested()


def stop_if_requested() -> None:
    """Raise `Terminated` if a signal has arrived, also within `deferred_stop`."""
    if _requested:
        _stop(_requested[0])


def reset() -> None:
    """Forget the signals that have arrived, for tests."""
    _requested.clear()
    _raised.clear()


def _stop(code: int) -> NoReturn:
    _raised.append(code)
    raise Terminated(code)
