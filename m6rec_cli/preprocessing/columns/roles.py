"""Column names and values of an event log to column roles: user, item, time and others."""

import polars as pl

from m6rec_cli.preprocessing.columns import cell_values, column_names, date_formats, date_text
from m6rec_cli.preprocessing.columns.column_names import find_column
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.preprocessing.tables import Table
from m6rec_cli.system.errors import M6RecError

_UNKNOWN_SHARE = 0.05
"""A user id of 0 on a larger share of the lines stands for unknown users."""
_LARGEST_ORDER = 1e8
"""Numbers below are too small for times since 1970 in seconds (1e8 is in 1973)."""


def infer_roles(table: Table) -> tuple[Schema, list[str]]:
    """Find the roles of an event log's columns.

    Returns:
        A schema without features, and warnings.

    Raises:
        M6RecError: No column has a usual name for users, or for items.
    """
    names = list(table.schema)
    user, item = find_column(names, column_names.USER), find_column(names, column_names.ITEM)
    if user is None:
        raise _no_id_column("user", table)
    if item is None:
        raise _no_id_column("item", table)
    warnings: list[str] = []
    time = find_column(names, column_names.TIME) or find_column(names, column_names.ORDER)
    time_format = "auto"
    if time:
        time_format = infer_time_format(table, time, warnings)
    else:
        warnings.append(f"{table.path} has no time column: events are in file order")
    quantity = find_column(names, column_names.QUANTITY)
    missing_users: tuple[str, ...] = ()
    zero = _zero_share(table, user)
    if zero > _UNKNOWN_SHARE:
        missing_users = ("0",)
        warnings.append(
            f"`{user}` is 0 on {zero:.0%} of the lines of {table.path}: these are read as events "
            "of unknown users and dropped (`missing_users` in the schema)"
        )
    schema = Schema(
        user=user,
        item=item,
        timestamp=time,
        timestamp_format=time_format,
        event=find_column(names, column_names.EVENT),
        weight=find_column(names, column_names.WEIGHT),
        quantity=quantity,
        price=find_column(names, column_names.PRICE) if quantity else None,
        missing_users=missing_users,
    )
    return schema, warnings


def _no_id_column(role: str, table: Table) -> M6RecError:
    if any("::" in name for name in table.schema):
        return M6RecError(
            "the fields are separated by `::`, and there is no header line",
            where=table.path,
            hint="convert it: `(echo user_id,item_id,rating,timestamp; sed 's/::/,/g' FILE) > "
            "events.csv`",
        )
    return M6RecError(
        f"no column looks like the {role}'s id",
        where=f"{table.path}, columns: {', '.join(table.schema)}",
        hint=f"rename the column to `{role}_id`, or name it in a schema file "
        f'(`[interactions]` {role} = "...") and pass `--schema FILE`',
    )


def infer_time_format(table: Table, name: str, warnings: list[str]) -> str:
    """`order`, `auto`, or one of `DATE_ORDERS` if day and month could be confused."""
    if column_names.normalized_name(name) in column_names.ORDER:
        return "order"
    sample = table.head()[name]
    if not sample.dtype.is_temporal() and date_text.are_numbers(sample):
        largest = sample.cast(pl.Float64, strict=False).abs().max()
        if isinstance(largest, float) and largest < _LARGEST_ORDER:
            warnings.append(
                f"the values of `{name}` are too small for times since 1970: read as an order"
            )
            return "order"
        return "auto"
    form, warning = date_formats.resolve_date_order(table, name)
    if warning:
        warnings.append(warning)
    return form


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
