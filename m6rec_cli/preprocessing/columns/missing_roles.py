"""A table without a column for a role to an error with the columns that may have it."""

import polars as pl

from m6rec_cli.preprocessing.columns import cell_values, column_names, time_values
from m6rec_cli.preprocessing.tables import Table
from m6rec_cli.system.errors import M6RecError

_MOST_DISTINCT = 0.95
"""A column whose cells nearly all differ is no user and no item of an event log."""
_MOST_CANDIDATES = 6


class MissingRole(M6RecError):  # noqa: N818 - the name says what is missing
    """No column could be found for a role.

    Attributes:
        roles: `user` and `item` of the event log, `item_id` of the item table, `user_id` of the
            user table.
        candidates: Columns that may have them, the likeliest first.
        schema_text: The rest of the schema as TOML, if the caller asked for it.
    """

    def __init__(
        self,
        what: str,
        *,
        roles: tuple[str, ...],
        candidates: list[str],
        where: str | None = None,
        hint: str | None = None,
    ):
        super().__init__(what, where=where, hint=hint)
        self.roles, self.candidates = roles, candidates
        self.schema_text: str | None = None


def event_id_candidates(table: Table, taken: list[str]) -> list[str]:
    """Columns of an event log that could hold the ids of users or items, the likeliest first.

    Their values come again, are no fractions and no times, and are many.
    """
    head = table.head()
    usual = (column_names.EVENT, column_names.WEIGHT, column_names.QUANTITY, column_names.PRICE)
    others = {column_names.find_column(table.schema, names) for names in usual}
    found: list[tuple[float, str]] = []
    for name in _single_valued(table):
        if name in taken or name in others:
            continue
        if time_values.read_as(head[name]) not in (None, "number"):
            continue
        cells = head.select(cell_values.text(name, table.schema[name])).to_series().drop_nulls()
        distinct = cells.n_unique()
        has_fractions = cells.str.contains(r"^-?\d+\.\d*[1-9]").any()
        if distinct < 2 or distinct > _MOST_DISTINCT * max(len(cells), 1) or has_fractions:
            continue
        words = column_names.words_of(name)
        is_named = any(word.endswith(("id", "nr", "no", "code", "key", "nummer")) for word in words)
        found.append((-is_named - distinct / (len(cells) + 1), name))
    return [name for _, name in sorted(found)][:_MOST_CANDIDATES]


def entity_id_candidates(table: Table, events: Table, event_column: str) -> list[str]:
    """Columns of an item or user table that hold ids of the event log, that with the most first."""
    wanted = _texts(events, event_column).unique()
    found = {
        name: wanted.is_in(_texts(table, name).unique().implode()).sum()
        for name in _single_valued(table)
    }
    likely = [name for name, number in found.items() if number]
    return sorted(likely, key=lambda name: -found[name])[:_MOST_CANDIDATES]


def _single_valued(table: Table) -> list[str]:
    kinds = table.schema.items()
    return [name for name, kind in kinds if not (kind.is_nested() or kind == pl.Binary)]


def _texts(table: Table, name: str) -> pl.Series:
    cells = table.head()
    ids = cell_values.identifier(name, table.schema[name], cells[name])
    return cells.select(ids).to_series().drop_nulls()
