"""Columns with the name of an id whose cells are mostly empty or hold several ids: errors."""

import polars as pl

from m6rec_cli.preprocessing.columns import cell_values
from m6rec_cli.preprocessing.columns.missing_roles import event_id_candidates
from m6rec_cli.preprocessing.tables import Table
from m6rec_cli.system.errors import M6RecError

_MOST_UNKNOWN = 0.5
_ID_LIST = r"^\S*\d\S*(?:[ ,|]\S*\d\S*)+$"
"""Several words with a digit each, such as `N55689-1 N35729-0`."""
_SHARE = 0.5
_MOST_DISTINCT = 0.5
"""Members of lists come again in other lists; words of names come rarely."""


def require_known_users(table: Table, user: str, item: str) -> None:
    """Raise if most lines have no user, as where visitors without an account have a session alone.

    Raises:
        M6RecError: The first lines are mostly without a user id.
    """
    ids = _ids(table, user)
    unknown = ids.null_count() / max(len(ids), 1)
    if unknown <= _MOST_UNKNOWN:
        return
    likely = [
        n for n in event_id_candidates(table, [user, item]) if not _ids(table, n).null_count()
    ]
    said = f"; likely: {', '.join(f'`{name}`' for name in likely[:4])}" if likely else ""
    raise M6RecError(
        f"`{user}` is empty on {unknown:.0%} of the lines, whose events would be dropped",
        where=table.path,
        hint=f"name a column that says who it was, such as a session: `--columns user=COLUMN`{said}"
        f"; `--columns user={user}` drops the events",
    )


def require_single_items(table: Table, item: str) -> None:
    """Raise if the cells of the item column are lists of ids.

    Raises:
        M6RecError: They are.
    """
    ids = _ids(table, item).drop_nulls()
    lists = ids.filter(ids.str.contains(_ID_LIST))
    members = (
        lists.str.replace_all("[,|]", " ")
        .str.split(" ")
        .explode(empty_as_null=False, keep_nulls=False)
    )
    if len(lists) < _SHARE * max(len(ids), 1) or not len(lists):
        return
    if members.n_unique() > _MOST_DISTINCT * len(members):
        return
    raise M6RecError(
        f"the cells of `{item}` hold several items each",
        where=f"{table.path}, first: `{lists[0][:60]}`",
        hint="write one line per item, and what is said of each item, such as the click in "
        "`N1-0 N2-1`, in a column of its own",
    )


def nested_events_hint(table: Table) -> str | None:
    """How to write one line per event if each line holds a list of events; None for others."""
    for name, kind in table.schema.items():
        if isinstance(kind, pl.List) and isinstance(kind.inner, pl.Struct):
            keys = ", ".join(f"`{field.name}`" for field in kind.inner.fields)
            others = "".join(f"{other}, " for other in table.schema if other != name)[:-2]
            return (
                f"`{name}` holds a list of events with {keys}; write one line per event: "
                f"`jq -c '{{{others}}} + .{name}[]' FILE > NEW_FILE.jsonl`, and name the roles: "
                "`--columns user=COLUMN,item=COLUMN`"
            )
    return None


def _ids(table: Table, name: str) -> pl.Series:
    cells = table.head()
    return cells.select(cell_values.identifier(name, table.schema[name], cells[name])).to_series()
