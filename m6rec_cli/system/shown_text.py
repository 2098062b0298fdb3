"""Text of users' files to text that a terminal may show: ids and titles hold anything."""

import re

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters (with ESC, which begins terminal commands), line and direction marks."""
_NAMES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def printable(text: str) -> str:
    r"""The text on one line, with control characters as `\n` or `\x1b`."""
    return _CONTROLS.sub(lambda found: _escaped(found[0]), text)


def printable_json(text: str) -> str:
    """JSON text with the control characters that `json.dumps` leaves as they are."""
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _escaped(character: str) -> str:
    code = ord(character)
    return _NAMES.get(character) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")
