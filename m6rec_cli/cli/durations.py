"""`2h`, `90m` or `1h30m` on the command line to seconds."""

import re

from m6rec_cli.system.errors import UsageError

_FORM = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")
_SECONDS = (3600, 60, 1)


def parse_duration(text: str | None, flag: str) -> float | None:
    """Seconds; None for None.

    Raises:
        UsageError: The text has another form, or says no time at all.
    """
    if text is None:
        return None
    found = _FORM.fullmatch(text.replace(" ", ""))
    parts = found.groups() if found else ()
    seconds = sum(float(n or 0) * unit for n, unit in zip(parts, _SECONDS, strict=False))
    if seconds <= 0:
        raise UsageError(
            f"`{flag}` takes a time with its units, not `{text}`",
            hint="for instance `2h`, `90m` or `1h30m`",
        )
    return seconds
