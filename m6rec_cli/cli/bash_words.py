"""Bash's words of an unfinished command line to those of the command, and completions back.

Bash splits `--set model.width=64` at the sign, and replaces the part after it alone.
"""

import contextlib
import io
import os
from collections.abc import Iterator, Sequence

_WORDS, _AT = "COMP_WORDS", "COMP_CWORD"


def join_at_signs(words: Sequence[str], at: int) -> tuple[list[str], str]:
    """The words up to the one that is completed, and what bash keeps of that one.

    Args:
        at: The word that is completed; one more than the last word for an empty one.
    """
    joined: list[str] = []
    for place, word in enumerate([*words, ""][: at + 1]):
        follows_sign = place > 0 and words[place - 1] == "="
        if joined and (word == "=" or (follows_sign and joined[-1].endswith("="))):
            joined[-1] += word
        else:
            joined.append(word)
    last = joined[-1]
    return joined, last[: last.rfind("=") + 1]


@contextlib.contextmanager
def whole_settings() -> Iterator[None]:
    """Let a request of bash for completions, which is in the environment, see whole settings."""
    # The script of the completion joins the words by newlines.
    words, kept = join_at_signs(os.environ[_WORDS].split("\n"), int(os.environ[_AT]))
    os.environ[_WORDS], os.environ[_AT] = "\n".join(words), str(len(words) - 1)
    completions = io.StringIO()
    try:
        with contextlib.redirect_stdout(completions):
            yield
    finally:
        for line in completions.getvalue().splitlines():
            print(line.removeprefix(kept))
