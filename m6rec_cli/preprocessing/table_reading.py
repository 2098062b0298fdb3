"""How the columns of a table are read, to a compact table on the terminal."""

import textwrap
from dataclasses import dataclass

from m6rec_cli.system.progress import Reporter

FEATURE, NOT_USED = "feature", "not used"
_MOST_ROWS = 40
"""More features of a table, or more columns that are not used, are grouped."""
_LISTED = 4
_WIDTH = 100


@dataclass(frozen=True, kw_only=True)
class ColumnReading:
    """One use of a column, or the reason why it is not used.

    Attributes:
        role: `user`, `item`, `time` and so on; `feature`; `not used`.
        sample: A cell as the file has it.
        kind: How the cells are read, or why they are not.
    """

    role: str
    column: str
    sample: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class TableReading:
    """How a table is read."""

    title: str
    rows: list[ColumnReading]

    def show(self, report: Reporter) -> None:
        """Show the table. Many features are folded; each column that is not used is named."""
        features = [row for row in self.rows if row.role == FEATURE]
        unused = [row for row in self.rows if row.role == NOT_USED]
        shown = [row for row in self.rows if row.role not in (FEATURE, NOT_USED)]
        shown += _folded(features) if len(features) > _MOST_ROWS else features
        shown += unused if len(unused) <= _MOST_ROWS else []
        report.table(
            self.title,
            ("role", "column", "sample", "kind"),
            [(row.role, row.column, row.sample, row.kind) for row in shown],
        )
        if len(unused) > _MOST_ROWS:
            for reason, names in _by_kind(unused).items():
                text = f"{len(names)} columns not used, {reason}: {', '.join(names)}"
                lines = textwrap.wrap(
                    text,
                    _WIDTH,
                    initial_indent="  ",
                    subsequent_indent="    ",
                    break_long_words=False,
                    break_on_hyphens=False,
                )
                for line in lines:
                    report.note(line)


def _folded(features: list[ColumnReading]) -> list[ColumnReading]:
    """One row for the features of each kind."""
    return [
        ColumnReading(
            role=f"{len(names)} {FEATURE}s",
            column=", ".join(names[:_LISTED]) + (" …" if len(names) > _LISTED else ""),
            sample="",
            kind=kind,
        )
        for kind, names in _by_kind(features).items()
    ]


def _by_kind(rows: list[ColumnReading]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row.kind, []).append(row.column)
    return found
