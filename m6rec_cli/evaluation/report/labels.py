"""Names of systems on the command line to short names and one colour each, for the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from m6rec_cli.system.shown_text import shortened_apart

_WIDTH = 34
"""Characters that a chart has room for."""


@dataclass(frozen=True, kw_only=True)
class Label:
    """How the page shows a system.

    Attributes:
        name: Short, different for every system.
        full: The name on the command line.
        css: The class that gives its colour.
    """

    name: str
    full: str
    css: str


Labels = Mapping[str, Label]
"""Labels by the name on the command line."""

_COLOURS = (
    ("#1f6feb", "#6ea8ff"),
    ("#c4570a", "#ff9f57"),
    ("#1a7f4f", "#52c98f"),
    ("#a63d97", "#e07fd3"),
    ("#806400", "#d7b54a"),
    ("#566473", "#a9b7c7"),
    ("#c62f3f", "#ff7b86"),
    ("#0b7f93", "#4fc6da"),
)
"""Colours on a light and on a dark page."""


def label_systems(names: Sequence[str]) -> dict[str, Label]:
    """A label for each system; the shortest ending of each path that is not another's."""
    short = shortened_apart(_endings(names), _WIDTH)
    return {
        name: Label(name=short[ending], full=name, css=f"s{i}")
        for i, (name, ending) in enumerate(zip(names, _endings(names), strict=True))
    }


def _endings(names: Sequence[str]) -> list[str]:
    """The last parts of each path, as many as it takes to tell it from the others."""
    found = []
    for name in names:
        parts = PurePath(name).parts or (name,)
        for n in range(1, len(parts) + 1):
            ending = str(PurePath(*parts[-n:]))
            if all(PurePath(other).parts[-n:] != parts[-n:] for other in names if other != name):
                break
        else:
            ending = name
        found.append(ending)
    return found


def colours(n: int) -> list[tuple[str, str]]:
    """Colours on a light and on a dark page for `n` systems, all different."""
    found = list(_COLOURS[:n])
    for i in range(len(found), n):
        # Steps of the golden angle spread the hues, whatever their number.
        hue = round(i * 137.508 % 360)
        found.append((f"hsl({hue} 65% {32 + i % 3 * 4}%)", f"hsl({hue} 65% {62 + i % 3 * 4}%)"))
    return found
