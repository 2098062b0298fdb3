"""When and by which command an output was made, for its manifest."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

_USER = re.compile(r"(?<=://)[^/@\s]+@")
"""A user name and password in an address."""
_QUERY = re.compile(r"(?<=\?)\S*(?:token|sig|signature|key|password|credential)\S*", re.IGNORECASE)
"""The query of an address that is signed or carries a password."""

_command: str | None = None


@dataclass(frozen=True)
class Provenance:
    """When and by which command an output was made.

    Attributes:
        created: UTC in ISO format, to the second.
        command: The command line for a shell, without passwords; None for a call from Python.
    """

    created: str
    command: str | None


def record_command(arguments: Sequence[str]) -> None:
    """Remember the command line of this process.

    Args:
        arguments: The words after `m6rec`.
    """
    global _command
    _command = shlex.join(["m6rec", *map(_without_secrets, arguments)])


def current() -> Provenance:
    """The provenance of an output that is finished now."""
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return Provenance(created=now, command=_command)


def _without_secrets(word: str) -> str:
    if "://" not in word:
        return word
    return _QUERY.sub("***", _USER.sub("***@", word))
