"""SIGTERM, SIGHUP and SIGINT to an orderly stop of the work.

The first signal raises `Terminated`. Two cases need more than that:

- Work that has to be saved runs in `deferred_stop`. The first signal then only sets
  `stop_requested`, and the work saves and calls `stop_if_requested`; a second signal ends it.
- Python drops an exception that is raised within a callback of the interpreter (a destructor, a
  hook of the garbage collector), and libraries may catch it. A timer therefore raises it again
  while the work goes on and no `Terminated` is on its way. Long loops also call `check_stop`.

While the main thread is in compiled code, Python handles no signal. A thread then says that the
command will stop, and ends the process if a second signal arrives.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from m6rec_cli.system.errors import Terminated

_EXIT_CODES = {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGHUP: 129}
TIME_IS_UP = 124
"""The exit code after `--max-time`, as that of timeout(1)."""
EXIT_CODES = (*_EXIT_CODES.values(), TIME_IS_UP)
_AGAIN_SECONDS = 0.2
"""Between the checks whether an exception was dropped."""
_SILENT_SECONDS = 0.1
"""A command that has not stopped after so long says that it will."""
_UNWINDING_SECONDS = 10.0
"""Longer than this, whoever handles the exception is at work again."""
_requested: list[int] = []
"""The exit codes of the signals that have arrived."""
_raised: list[int] = []
"""The exit codes that `Terminated` was raised with."""
_deferrals = 0
"""Number of `deferred_stop` blocks that are active."""
_finished = threading.Event()
_unwinding_since = 0.0
"""Seconds since the last `Terminated` was raised, while it is handled."""


def install_handlers(say: Callable[[str], object] | None = None) -> None:
    """Install the signal handlers; the command line does this once.

    A signal that the process was started to ignore stays ignored (`nohup`).

    Args:
        say: Prints a line; called in another thread if the work does not stop at once.
    """
    for number in _EXIT_CODES:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _handle)
    signal.signal(signal.SIGALRM, _raise_again)
    sys.unraisablehook = _without_terminated(sys.unraisablehook)
    if say is not None:
        read, write = os.pipe()
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        threading.Thread(target=_watch, args=(read, say), daemon=True).start()


def _without_terminated(
    hook: "Callable[[sys.UnraisableHookArgs], object]",
) -> "Callable[[sys.UnraisableHookArgs], object]":
    """The hook that prints dropped exceptions, without `Terminated`, which is raised again."""

    def show(dropped: "sys.UnraisableHookArgs") -> None:
        if not isinstance(dropped.exc_value, Terminated):
            hook(dropped)

    return show


def finish() -> None:
    """The work has ended: raise no signal's exception any more."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    _finished.set()


def _watch(read: int, say: Callable[[str], object]) -> None:
    """Say that the process will stop, if it takes a while; a second signal ends it then."""
    numbers: list[int] = []
    while chunk := os.read(read, 64):
        before = len(numbers)
        numbers += [n for n in chunk if n in set(_EXIT_CODES)]
        if len(numbers) == before or _finished.wait(_SILENT_SECONDS):
            continue
        if not before:
            second = "Ctrl-C" if numbers[0] == signal.SIGINT else "signal"
            say(f"stopping after the running step; a second {second} ends the command at once")
        if len(numbers) > max(1, len(_requested)):
            # Python has not handled the second signal: the main thread is in compiled code.
            with contextlib.suppress(OSError, ValueError):
                if sys.stderr.isatty():
                    sys.stderr.write("\x1b[?25h\n")  # a progress bar hides the cursor
                sys.stderr.flush()
            os._exit(_EXIT_CODES[signal.Signals(numbers[-1])])


def _raise_again(number: int, frame: FrameType | None) -> None:
    """Raise `Terminated` again, unless it is on its way or the work saves."""
    global _unwinding_since
    if not _requested or _deferrals or _finished.is_set():
        return
    if _is_unwinding(sys.exc_info()[1]):
        _unwinding_since += _AGAIN_SECONDS
        if _unwinding_since < _UNWINDING_SECONDS:
            return
    _stop(_requested[-1])


def _is_unwinding(error: BaseException | None) -> bool:
    """Whether a `Terminated`, or an error that follows from it, is being handled."""
    while error is not None:
        if isinstance(error, Terminated):
            return True
        error = error.__context__
    return False


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
    signal.setitimer(signal.ITIMER_REAL, 0)
    _finished.clear()
    _requested.clear()
    _raised.clear()


def _stop(code: int) -> NoReturn:
    global _unwinding_since
    _unwinding_since = 0.0
    _raised.append(code)
    if signal.getsignal(signal.SIGALRM) is _raise_again:
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_SECONDS, _AGAIN_SECONDS)
    raise Terminated(code)
