"""Orderly stops: SIGTERM and SIGINT raise a flag that long work looks at between two steps.

The first signal asks; a second one of the same kind stops at once, as the default handler would.
"""

import signal
from types import FrameType

from m6rec_cli.errors import Terminated

_CODES = {signal.SIGTERM: 143, signal.SIGINT: 130}
_asked: list[int] = []


def install() -> None:
    """Install the handlers; called once, by the command line."""
    for number in _CODES:
        signal.signal(number, _handle)


def _handle(number: int, frame: FrameType | None) -> None:
    code = _CODES[signal.Signals(number)]
    if _asked or not _patient:
        raise Terminated(code)
    _asked.append(code)


_patient: list[bool] = []


class patient:  # noqa: N801 - reads as a word: `with stop.patient():`
    """Within the block a first signal only sets `requested()`; the block saves and calls `now()`."""

    def __enter__(self) -> None:
        _patient.append(True)

    def __exit__(self, *exc: object) -> None:
        _patient.pop()


def requested() -> bool:
    """Whether a signal has arrived within a `patient` block."""
    return bool(_asked)


def now() -> None:
    """Stop, if a signal has asked for it."""
    if _asked:
        raise Terminated(_asked[0])
