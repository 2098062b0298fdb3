"""Delimited text to what is unusual about its form, and its cells as they are written."""

from dataclasses import dataclass, field
from pathlib import Path

from m6rec_cli.preprocessing.readers import csv
from m6rec_cli.preprocessing.readers._base import is_pattern, read_start
from m6rec_cli.preprocessing.readers._layout import find_layout, read_records

_BYTES = 1 << 16
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True, kw_only=True)
class TextForm:
    """How a delimited file is written.

    Attributes:
        notes: What is unusual, such as `separated by semicolons`.
        cells: The first cell of each column that is not empty, as it is written.
    """

    notes: tuple[str, ...] = ()
    cells: dict[str, str] = field(default_factory=dict)


def text_form(path: Path | str, columns: list[str], *, no_header: bool) -> TextForm:
    """The form of a file or of the first file of a glob; an empty one for other formats."""
    path = str(path)
    is_local = is_pattern(path) or Path(path).is_file()
    if not is_local or not path.lower().endswith(csv.SUFFIXES):
        return TextForm()
    layout = find_layout(path, no_header=no_header)[0]
    usual = "\t" if ".tsv" in path.lower() else ","
    notes = []
    if layout.separator != usual:
        name = _SEPARATORS.get(layout.separator, f"`{layout.separator}`")
        notes.append(f"separated by {name}")
    if layout.end_of_line == "\r":
        notes.append("lines end in carriage returns")
    if layout.n_columns is not None:
        notes.append("no header line")
    text = read_start(path, _BYTES).decode("utf-8", "replace")
    lines = text.split(layout.end_of_line)[layout.skip_lines :]
    lines = lines[:-1] if len(lines) > 1 else lines  # the last one may be cut
    records = read_records(lines, layout)[0 if layout.n_columns is not None else 1 :]
    cells: dict[str, str] = {}
    for record in records:
        for name, cell in zip(columns, record, strict=False):
            if cell:
                cells.setdefault(name, cell)
    return TextForm(notes=tuple(notes), cells=cells)
