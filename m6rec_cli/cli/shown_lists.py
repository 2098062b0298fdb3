"""Ranked lists to text for a terminal: a block for each user, a line for each item."""

import shutil
from typing import TYPE_CHECKING

from m6rec_cli.cli import folding
from m6rec_cli.system.shown_text import printable

if TYPE_CHECKING:  # the command line starts faster without it
    import polars as pl

_REASONS = 3
"""Events and item parts that are shown for each item."""


def show(frame: "pl.DataFrame") -> None:
    """Print the lists of a frame with the column `title` on stdout."""
    width = shutil.get_terminal_size().columns
    for lists in frame.partition_by("user_id", maintain_order=True):
        rows = list(lists.iter_rows(named=True))
        widest = max(len(row["item_id"]) for row in rows)
        _print(f"{rows[0]['user_id']}  ({rows[0]['basis']})", width)
        for row in rows:
            item = row["item_id"]
            title = "" if row["title"] in (None, item) else row["title"]
            _print(f"{row['rank']:>4}  {row['score']:>8.3f}  {item:<{widest}}  {title}", width)
            if "because_events" in row:
                print(folding.fold(f"{'':>16}because of {_reasons(row)}", width, 18))
        print()


def _print(line: str, width: int) -> None:
    """Print one line, cut at the edge of the terminal."""
    from rich.cells import cell_len, set_cell_size

    line = printable(line.rstrip())
    print(line if cell_len(line) <= width else set_cell_size(line, width - 1) + "…")


def _reasons(row: dict[str, list[dict[str, str | float]]]) -> str:
    """The events and item parts with the largest shares of a score."""
    events = [(event["share"], _name(event)) for event in row["because_events"]]
    parts = [(part["share"], part["name"]) for part in row["because_parts"]]
    shown = [f"{name} {share:.0%}" for share, name in (*events[:_REASONS], *parts[:_REASONS])]
    return ", ".join(shown) or "popularity alone"


def _name(event: dict[str, str | float]) -> str:
    """The title of an event's item, or else its id."""
    return printable(str(event["title"] or event["item_id"]))
