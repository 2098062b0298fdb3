"""Whatever a library raises while it reads a file to an error that names the file."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from m6rec_cli.system.errors import M6RecError, Terminated


@contextmanager
def unreadable_as(error: Callable[[str], M6RecError]) -> Iterator[None]:
    """Raise `error(reason)` in place of any exception of the library that reads.

    Readers raise all kinds of exceptions on damaged bytes. Polars panics, with an exception that is
    no `Exception`.
    """
    try:
        yield
    except (M6RecError, Terminated, MemoryError, PermissionError):
        raise
    except BaseException as fault:
        if not (isinstance(fault, Exception) or is_panic(fault)):
            raise
        raise error(first_line(fault)) from None


def is_panic(fault: BaseException) -> bool:
    """Whether Polars panicked, which it does on some damaged files."""
    polars = sys.modules.get("polars")
    return polars is not None and isinstance(fault, polars.exceptions.PanicException)


def first_line(fault: BaseException) -> str:
    """The first line of an exception's text, or else its type."""
    if isinstance(fault, RecursionError):
        return "it is nested too deeply"
    return next(iter(str(fault).splitlines()), "")[:300] or type(fault).__name__
