"""Cells to a table of Rich that fits a width, and the columns that a narrow one leaves out."""

from collections.abc import Collection, Sequence

from rich.cells import cell_len
from rich.markup import escape
from rich.table import Table

from m6rec_cli.cli.shown_values import left_aligned
from m6rec_cli.system.progress import TableStyle
from m6rec_cli.system.shown_text import shortened_apart

_SHORTEST_NAME = 16
_NARROWEST = 6
"""Characters to which a long text is folded at most."""
_FRAME, _BORDER = 3, 1
"""Characters between two cells, and at the end of a line."""


def fitted_table(
    columns: Sequence[str],
    cells: Sequence[Sequence[str]],
    style: TableStyle,
    width: int,
) -> Table:
    """A table at most `width` wide: side columns are left out, names lose their beginning."""
    kept = _kept_columns(columns, cells, style, width)
    left_out = [column for at, column in enumerate(columns) if at not in kept]
    names = [at for at in kept if at < style.names]
    rows = [list(row) for row in cells]
    others = _width(columns, cells, [at for at in kept if at not in names])
    for at in names:
        room = (width - others) // len(names) - _FRAME
        short = shortened_apart([row[at] for row in cells], max(room, _SHORTEST_NAME))
        for row in rows:
            row[at] = short[row[at]]
    table = Table(
        caption=f"no room for {escape(', '.join(left_out))}" if left_out else None,
        caption_justify="left",
    )
    is_left = left_aligned(cells, len(columns))
    for at in kept:
        table.add_column(
            escape(columns[at]),
            justify="left" if is_left[at] else "right",
            overflow="fold",
            no_wrap=at in names,
        )
    for n, row in enumerate(rows):
        table.add_row(*(_markup(row[at], (n, at) in style.best) for at in kept))
    return table


def _kept_columns(
    columns: Sequence[str], cells: Sequence[Sequence[str]], style: TableStyle, width: int
) -> list[int]:
    """The columns that remain when side columns are left out until all others fit."""
    kept = list(range(len(columns)))
    for column in style.side:
        if _width(columns, cells, kept, n_names=style.names) <= width:
            break
        kept.remove(list(columns).index(column))
    # Columns of text may be folded, but not into a few letters.
    while len(kept) > 2 and _folded_width(columns, cells, kept) > width:
        kept.pop()
    return kept


def _folded_width(
    columns: Sequence[str], cells: Sequence[Sequence[str]], kept: Collection[int]
) -> int:
    """The width of these columns if they are folded as far as they can be read."""
    total = _BORDER
    for at in kept:
        widest = max(map(cell_len, [columns[at], *(row[at] for row in cells)]))
        total += min(widest, _NARROWEST) + _FRAME
    return total


def _width(
    columns: Sequence[str],
    cells: Sequence[Sequence[str]],
    kept: Collection[int],
    n_names: int = 0,
) -> int:
    """The width of these columns with their frame; names count as short as they may become."""
    total = _BORDER
    for at in kept:
        widest = max(map(cell_len, [columns[at], *(row[at] for row in cells)]))
        total += (min(widest, _SHORTEST_NAME) if at < n_names else widest) + _FRAME
    return total


def _markup(text: str, is_best: bool) -> str:
    return f"[bold]{escape(text)}[/bold]" if is_best else escape(text)
