"""Orderly stops: SIGTERM and SIGINT raise a flag that long work looks at between two steps.

Where nothing has to be saved, the first signal also ends the work at once, by an exception. That alone would not do:
an exception that is raised inside a callback of the interpreter (a destructor, a hook of the garbage collector) is
printed and lost, so loops call `check()` as well. Where something has to be saved (`patient`), the first signal
only asks, and a second one ends the work.
"""

import signal
from types import FrameType
from typing import NoReturn

from m6rec_cli.system.errors import Terminated

_CODES = {signal.SIGTERM: 143, signal.SIGINT: 130}
_asked: list[int] = []
_raised: list[int] = []


def install_handlers() -> None:
    """Install the handlers; called once, by the command line."""
    for number in _CODES:
        signal.signal(number, _handle)


def _handle(number: int, frame: FrameType | None) -> None:
    again = bool(_asked)
    _asked.append(_CODES[signal.Signals(number)])
    if again or not _patient:
        _end(_asked[-1])


_patient: list[bool] = []


class deferred_stop:  # noqa: N801 - reads as a word: `with stop.patient():`
    """Within the block a first signal only sets `requested()`; the block saves and calls `now()`."""

    def __enter__(self) -> None:
        _patient.append(True)

    def __exit__(self, *exc: object) -> None:
        _patient.pop()


def stop_requested() -> bool:
    """Whether a signal has arrived."""
    return bool(_asked)


def raised_exit_code() -> int | None:
    """The exit code with which the work was told to end, if it was: whatever else is raised then may come of that."""
    return _raised[0] if _raised else None


def check_stop() -> None:
    """Stop, if a signal has asked for it and no block wants to save first."""
    if not _patient:
        stop_if_requested()


def stop_if_requested() -> None:
    """Stop, if a signal has asked for it."""
    if _asked:
        _end(_asked[0])


def _end(code: int) -> NoReturn:
    _raised.append(code)
    raise Terminated(code)
