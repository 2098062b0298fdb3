"""Errors that the user can fix: what happened, where, and a hint."""

import difflib
import os
from collections.abc import Iterable
from pathlib import Path

_MAX_KNOWN = 30
"""Known names that a hint lists."""


class M6RecError(Exception):
    """A fault in an input, a configuration or a checkpoint; the command exits with `exit_code`.

    Args:
        what: One sentence in plain words, without a full stop.
        where: The file, column and row, if known.
        hint: What the user can do.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None):
        super().__init__(what)
        self.what, self.where, self.hint = what, where, hint

    def __str__(self) -> str:
        """The lines that the terminal shows, without the leading `error:`."""
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)


class UsageError(M6RecError):
    """A command line that cannot be understood."""

    exit_code = 2


class DivergedError(M6RecError):
    """Training came to a loss, parameters or scores that are not finite."""


class Terminated(BaseException):
    """A signal arrived or the time is up, and the state is saved: exit code 143, 130, 129 or 124.

    Like `KeyboardInterrupt` no `Exception`: libraries catch those.
    """

    def __init__(self, exit_code: int):
        super().__init__(f"stopped with exit code {exit_code}")
        self.exit_code = exit_code


def nearest_hint(name: str, known: Iterable[str], *, listed_by: str | None = None) -> str:
    """A hint with the known name closest to `name`, or with the known names.

    Args:
        listed_by: The command that lists the names, for many of them.
    """
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f"did you mean `{close[0]}`?"
    if listed_by:
        return f"`{listed_by}` lists what is known"
    shown = ", ".join(f"`{k}`" for k in known[:_MAX_KNOWN]) or "none"
    more = len(known) - _MAX_KNOWN
    return f"known: {shown} and {more} more" if more > 0 else f"known: {shown}"


def missing_path_hint(path: Path | str) -> str | None:
    """A hint for a path that does not exist: a folder that is missing, or the closest name."""
    path = Path(path)
    if not path.parent.is_dir():
        return f"there is no folder `{path.parent}`"
    if not os.access(path.parent, os.R_OK):
        return None
    # Stems are compared first: any two short names that end in `.csv` are close.
    stem = path.name.partition(".")[0]
    names = [
        p.name
        for p in path.parent.iterdir()
        if difflib.get_close_matches(stem, [p.name.partition(".")[0]], cutoff=0.7)
    ]
    close = difflib.get_close_matches(path.name, names, n=1, cutoff=0)
    return f"did you mean `{path.parent / close[0]}`?" if close else None
