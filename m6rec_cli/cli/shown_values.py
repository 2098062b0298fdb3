"""Figures to short text for tables and progress, and how columns of them are aligned."""

import re
from collections.abc import Sequence

from m6rec_cli.system.shown_text import printable

_NUMBER = re.compile(r"^(?:[-+±<>~]?\.?\d|-$)")
"""The start of a cell that is aligned to the right."""


def format_value(value: object) -> str:
    """A table cell or a progress figure as short text."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < 10 else f"{value:,.0f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return printable(str(value))


def left_aligned(rows: Sequence[Sequence[str]], n_columns: int) -> list[bool]:
    """Whether each column is aligned to the left: the first, and columns of words."""
    return [
        at == 0 or not all(_NUMBER.match(row[at]) for row in rows if row[at])
        for at in range(n_columns)
    ]
