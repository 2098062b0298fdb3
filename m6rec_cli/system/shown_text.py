"""Text and figures as a terminal shows them: ids and titles hold anything, names are long."""

import re
from collections.abc import Sequence

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters (with ESC, which begins terminal commands), line and direction marks."""
_NAMES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def printable(text: str) -> str:
    r"""The text on one line, with control characters as `\n` or `\x1b`."""
    return _CONTROLS.sub(lambda found: _escaped(found[0]), text)


def capitalised(text: str) -> str:
    """The text with a capital first letter; the others stay, unlike with `str.capitalize`."""
    return text[:1].upper() + text[1:]


def shortened(name: str, width: int) -> str:
    """A name of at most `width` characters: of a longer one the end stays, which names a file."""
    return name if len(name) <= width else f"…{name[len(name) - width + 1 :]}"


def shortened_apart(names: Sequence[str], width: int) -> dict[str, str]:
    """Each name in short, so that different names stay different.

    Names that end alike lose their middle, and are wider than `width` if that is not enough.
    """
    for wide in range(max(width, 4), max(map(len, names), default=0) + 1):
        for shorten in (shortened, _without_middle):
            short = {name: shorten(name, wide) for name in names}
            if len(set(short.values())) == len(short):
                return short
    return {name: name for name in names}


def _without_middle(name: str, width: int) -> str:
    if len(name) <= width:
        return name
    n_first = width // 2
    return f"{name[:n_first]}…{name[len(name) - (width - n_first - 1) :]}"


def duration(seconds: float) -> str:
    """Seconds as a person says them: `0.4 s`, `6 s`, `2 min 05 s`, `3 h 10 min`."""
    if seconds < 0.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def printable_json(text: str) -> str:
    """JSON text with the control characters that `json.dumps` leaves as they are."""
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escaped(character: str) -> str:
    code = ord(character)
    return _NAMES.get(character) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")
