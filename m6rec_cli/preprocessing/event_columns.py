"""A raw event table and its schema to the expressions that parse ids, times, kinds and the rest."""

import polars as pl

from m6rec_cli.preprocessing.cleaning.duplicates import LINE_HASH
from m6rec_cli.preprocessing.cleaning.event_rules import positive_column
from m6rec_cli.preprocessing.columns import (
    cell_values,
    date_text,
    label_expression,
    timestamps,
)
from m6rec_cli.preprocessing.readers._base import OWN
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.preprocessing.tables import ROW, Table
from m6rec_cli.system.errors import M6RecError


def identifiers(table: Table, schema: Schema) -> dict[str, pl.Expr]:
    """The ids of `user` and `item`; null where one is missing."""
    kinds, head = table.schema, table.head()
    user = cell_values.identifier(schema.user, kinds[schema.user], head[schema.user])
    if schema.missing_users:
        user = pl.when(~user.is_in(list(schema.missing_users))).then(user)
    return {
        "user": user,
        "item": cell_values.identifier(schema.item, kinds[schema.item], head[schema.item]),
    }


def event_columns(table: Table, schema: Schema, label: str | None) -> list[pl.Expr]:
    """`ROW`, `timestamp`, the columns that the schema has, and those that cleaning reads.

    `event` Categorical, `weight` f32 and `label` bool exist where the schema names a column, and
    where there is an expression for labels.
    """
    kinds, head = table.schema, table.head()
    columns = [pl.col(ROW)]
    if schema.timestamp:
        name = schema.timestamp
        time = _time(table, schema, head[name])
        if schema.time_of_day:
            clock = schema.time_of_day
            time = time + timestamps.time_of_day_ms(clock, kinds[clock], head[clock]).fill_null(0)
        columns.append(time.alias("timestamp"))
    else:
        columns.append(pl.col(ROW).cast(pl.Int64).alias("timestamp"))
    if schema.event:
        event = cell_values.text(schema.event, kinds[schema.event])
        columns.append(event.cast(pl.Categorical).alias("event"))
    if schema.weight:
        weight = cell_values.number(schema.weight, kinds[schema.weight])
        columns.append(weight.cast(pl.Float32).alias("weight"))
    for role in ("quantity", "price"):
        name = getattr(schema, role)
        if name:
            positive = (cell_values.number(name, kinds[name]) > 0).fill_null(True)
            columns.append(positive.alias(positive_column(role)))
    for i, name in enumerate(schema.order):
        number = cell_values.number(name, kinds[name])
        is_number = date_text.are_numbers(head[name])
        key = number if is_number else cell_values.text(name, kinds[name]).hash()
        columns.append(key.alias(order_column(i)))
    others = _columns_without_role(table, schema)
    if schema.timestamp and others:
        # The hash changes with the process.
        columns.append(pl.struct(others).hash().alias(LINE_HASH))
    if label:
        columns.append(label_expression.parse_label_expression(table, label).alias("label"))
    return columns


def order_column(position: int) -> str:
    """The column with the cells of `Schema.order[position]`, as numbers."""
    return f"{OWN}order{position}"


def _columns_without_role(table: Table, schema: Schema) -> list[str]:
    """The columns that tell duplicates from events which only share user, item, time and kind.

    Nested columns and those without a name, such as the index of a data frame, do not count.
    """
    known = {schema.user, schema.item, schema.timestamp, schema.event}
    return [
        name
        for name, kind in table.schema.items()
        if name not in known and name and not name.startswith("Unnamed: ") and not kind.is_nested()
    ]


def _time(table: Table, schema: Schema, head: pl.Series) -> pl.Expr:
    """The expression that parses timestamps, tested on the first lines.

    Raises:
        M6RecError: It parses none of them, or the format is no pattern.
    """
    assert schema.timestamp
    where = f"{table.path}, column `{schema.timestamp}`"
    parsed = timestamps.timestamp_ms(
        head.name, table.schema[head.name], schema.timestamp_format, head
    )
    try:
        times = head.to_frame().select(parsed).to_series()
    except pl.exceptions.PolarsError as error:
        raise M6RecError(
            f"`timestamp_format` is no pattern of times: {str(error).splitlines()[0]}",
            where=f"{where}: `{schema.timestamp_format}`",
            hint='for instance "%d.%m.%Y %H:%M"',
        ) from None
    cells = head.cast(pl.String).str.strip_chars()
    known = cells.filter(~cells.is_in(cell_values.MISSING_OR_NA))
    if len(known) and times.null_count() == len(times):
        raise M6RecError(
            "no time on the first lines can be read",
            where=f"{where}, first: `{known[0]}`",
            hint="set `timestamp_format` in a schema file, for instance to "
            '"%d.%m.%Y %H:%M", or name another column',
        )
    return parsed
