"""Columns of an event log to roles: user, item, time and others; hints of the user come first."""

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from m6rec_cli.preprocessing.columns import cell_values, column_names, role_checks, time_column
from m6rec_cli.preprocessing.columns.column_names import find_column
from m6rec_cli.preprocessing.columns.missing_roles import MissingRole, event_id_candidates
from m6rec_cli.preprocessing.columns.time_column import TimeColumns, find_time
from m6rec_cli.preprocessing.schema import Schema, SchemaHints
from m6rec_cli.preprocessing.schema_file import ORDER
from m6rec_cli.preprocessing.tables import Table
from m6rec_cli.system.errors import M6RecError, nearest_hint

_UNKNOWN_SHARE = 0.05
"""A user id of 0 on a larger share of the lines stands for unknown users."""
_CLICK_NAMES = (
    *("click", "clicked", "isclick", "isclicked", "label", "target", "purchase", "purchased"),
    *(
        "ispurchase",
        "ispurchased",
        "bought",
        "isbought",
        "converted",
        "conversion",
        "liked",
        "islike",
        "watched",
    ),
)


def infer_roles(
    table: Table, hints: SchemaHints | None = None, *, no_time: bool = False
) -> tuple[Schema, list[str], dict[str, str]]:
    """Find the roles of an event log's columns.

    Args:
        hints: Roles that are known already.
        no_time: Events are in file order, whatever the columns.

    Returns:
        A schema without features, warnings, and columns that hold times but have no role, with the
        reasons.

    Raises:
        M6RecError: A hint names a column that does not exist.
        MissingRole: No column has a usual name for users, or for items.
    """
    hints = hints or SchemaHints()
    known = dict(hints.roles)
    for role, column in (*known.items(), *((ORDER, name) for name in hints.order or ())):
        if column is not None and column not in table.schema:
            raise M6RecError(
                f"there is no column `{column}`, which is named as the {role}",
                where=f"{table.path}, named in {hints.source}",
                hint=nearest_hint(column, table.schema),
            )
    hinted = {column for column in known.values() if column is not None} | set(hints.order or ())
    free = [name for name in table.schema if name not in hinted]

    def column_of(name: str, usual: tuple[str, ...]) -> str | None:
        return known[name] if name in known else find_column(free, usual)

    user, item = column_of("user", column_names.USER), column_of("item", column_names.ITEM)
    if user is None or item is None:
        raise _no_id_column(table, {"user": user, "item": item})
    _check_ids(table, user, item, hinted)
    quantity = column_of("quantity", column_names.QUANTITY)
    price = column_of("price", column_names.PRICE) if quantity else known.get("price")
    event = column_of("event", column_names.EVENT)
    weight = column_of("weight", column_names.WEIGHT)
    others = (quantity, price, event, weight)
    taken = hinted | {column for column in others if column is not None}
    time = _time(table, user, item, taken, hints, no_time=no_time)
    warnings = list(time.warnings)
    missing_users = hints.missing_users
    if missing_users is None:
        missing_users = ()
        zero = _zero_share(table, user)
        if zero > _UNKNOWN_SHARE:
            missing_users = ("0",)
            warnings.append(
                f"`{user}` is 0 on {zero:.0%} of the lines of {table.path}: these are read as "
                "events of unknown users and dropped (`missing_users` in the schema)"
            )
    schema = Schema(
        user=user,
        item=item,
        timestamp=time.timestamp,
        timestamp_format=time.form,
        time_of_day=time.time_of_day,
        order=time.order,
        event=event,
        weight=weight,
        quantity=quantity,
        price=price,
        missing_users=missing_users,
        users_are_items=hints.users_are_items,
    )
    return schema, warnings, time.unused


def _check_ids(table: Table, user: str, item: str, hinted: set[str]) -> None:
    """Raise if the ids are not what they should be; a column that is named by hand is meant."""
    if any(table.schema[n].is_nested() or table.schema[n] == pl.Binary for n in (user, item)):
        return  # an error of its own follows
    if user not in hinted:
        role_checks.require_known_users(table, user, item)
    role_checks.require_single_items(table, item)


def impression_warning(table: Table, schema: Schema) -> str | None:
    """A warning if a column says which of the lines were clicked, and nothing uses it."""
    taken = {schema.user, schema.item, schema.event, schema.weight}
    for name in table.schema:
        if column_names.normalized_name(name) not in _CLICK_NAMES or name in taken:
            continue
        cells = table.head()[name].cast(pl.String).drop_nulls()
        by_meaning = {value.lower(): value for value in cells.unique()}
        if set(by_meaning) in ({"0", "1"}, {"false", "true"}):
            yes = by_meaning.get("1") or by_meaning["true"]
            literal = f'"{yes}"' if yes == "True" else yes
            return (
                f"`{name}` is {yes} on {(cells == yes).sum() / len(cells):.0%} of the lines, and "
                "every line counts as an event to be found: if the other items were only shown, "
                f"pass `--positive '{name} == {literal}'`"
            )
    return None


def _time(
    table: Table,
    user: str,
    item: str,
    taken: set[str],
    hints: SchemaHints,
    *,
    no_time: bool,
) -> TimeColumns:
    named = hints.roles.get("timestamp")
    if no_time or ("timestamp" in hints.roles and named is None):
        return TimeColumns(order=hints.order or ())
    if named is None:
        found = find_time(table, user, item, taken, hints.order)
    else:
        form, warning = time_column.resolve_form(table, named)
        found = TimeColumns(timestamp=named, form=form, warnings=[warning] if warning else [])
    found = replace(
        found,
        form=hints.timestamp_format or found.form,
        time_of_day=hints.roles.get("time_of_day") or found.time_of_day,
    )
    if hints.order is None:
        return time_column.with_ties(table, found, user, item, taken)
    return replace(found, order=tuple(n for n in hints.order if n != found.timestamp))


def _no_id_column(table: Table, found: Mapping[str, str | None]) -> MissingRole:
    missing = tuple(role for role, column in found.items() if column is None)
    likely = event_id_candidates(table, [c for c in found.values() if c is not None])
    what = " and ".join(f"the {role}'s id" for role in missing)
    what = f"no column looks like {what}"
    where = f"{table.path}, columns: {', '.join(table.schema)}"
    said = f"; likely: {', '.join(f'`{name}`' for name in likely[:4])}" if likely else ""
    flag = ",".join(f"{role}=COLUMN" for role in missing)
    hint = f"say which it is: `--columns {flag}`{said}"
    hint = role_checks.nested_events_hint(table) or hint
    return MissingRole(what, roles=missing, candidates=likely, where=where, hint=hint)


def _zero_share(table: Table, user: str) -> float:
    """Share of lines with user id 0, if the other ids are numbers that do not start near 0."""
    head = table.head()
    ids = cell_values.text(user, table.schema[user]).str.replace(r"\.0+$", "")
    if not head.select((ids == "0").sum() > _UNKNOWN_SHARE / 10 * len(head)).item():
        return 0.0  # no need to read the whole log
    counted = table.frame.select(
        zero=(ids == "0").sum(),
        n=pl.len(),
        smallest=ids.filter(ids != "0").cast(pl.Float64, strict=False).min(),
    ).collect(engine="streaming")
    zero, n, smallest = counted.row(0)
    # If ids count from 0, user 0 is a user like the others.
    return zero / n if smallest is not None and smallest > 1 else 0.0
