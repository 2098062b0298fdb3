"""A raw event log to clean events: roles read, cells parsed, row rules applied.

One streaming scan; memory holds a dozen bytes per event, and each distinct id once.
"""

from dataclasses import dataclass

import polars as pl

from m6rec_cli.preprocessing import schema_file
from m6rec_cli.preprocessing.cleaning import id_checks
from m6rec_cli.preprocessing.cleaning.duplicates import LINE_HASH
from m6rec_cli.preprocessing.cleaning.event_rules import clean_events, positive_column
from m6rec_cli.preprocessing.cleaning.rules import CleaningLog
from m6rec_cli.preprocessing.columns import (
    cell_values,
    date_text,
    id_codes,
    label_expression,
    timestamps,
)
from m6rec_cli.preprocessing.event_order import order_lines
from m6rec_cli.preprocessing.readers._base import OWN
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.preprocessing.single_values import require_single_values
from m6rec_cli.preprocessing.tables import ROW, Table
from m6rec_cli.system.errors import M6RecError, nearest_hint


@dataclass(frozen=True)
class ParsedLog:
    """Clean events in file order; those that `Schema.order` orders are in that order.

    Attributes:
        frame: `__row` u32, `user` and `item` Enum, `timestamp` i64, `event` Categorical (null
            without an event column), `weight` f32, `label` bool.
        cleaning: What the rules did.
    """

    frame: pl.DataFrame
    cleaning: CleaningLog


def read_events(
    table: Table, schema: Schema, *, cleaning: CleaningLog | None = None
) -> pl.DataFrame:
    """Read and clean raw events as `preprocess` does, for inference on a raw log.

    Returns:
        `user_id` str, `item_id` str, `timestamp` i64 (milliseconds, or a rank), `event` str (null
        where the cell is missing), `weight` f32; sorted by user, time, file order.

    Raises:
        M6RecError: A column of the schema is missing.
    """
    parsed = parse(table, schema, cleaning=cleaning)
    return parsed.frame.select(
        pl.col("user").cast(pl.String).alias("user_id"),
        pl.col("item").cast(pl.String).alias("item_id"),
        "timestamp",
        pl.col("event").cast(pl.String),
        "weight",
    ).sort("user_id", "timestamp", maintain_order=True)


def parse(
    table: Table, schema: Schema, *, label: str | None = None, cleaning: CleaningLog | None = None
) -> ParsedLog:
    """Read the columns that have roles in `schema`, and apply the row rules.

    Args:
        label: The `--positive` expression; without one, every event is labelled.
        cleaning: Where the rules are recorded; a new log by default.

    Raises:
        M6RecError: A role's column is missing, the expression is wrong, or no event is left.
    """
    require_columns(table, schema)
    cleaning = cleaning or CleaningLog()
    first = [f"(row {table.first_unparseable})"] if table.first_unparseable else []
    cleaning.count_dropped("events: unparseable rows", table.n_unparseable, first)
    if table.n_repeated_headers:
        cleaning.count_dropped("events: repeated header lines", table.n_repeated_headers)
    ids = _identifiers(table, schema)
    # Ids get a step of their own: otherwise Polars computes them anew for each use.
    with_ids = table.frame.with_columns(
        expression.alias(f"{OWN}{name}") for name, expression in ids.items()
    )
    frame = with_ids.select(_columns(table, schema, label)).collect(engine="streaming")
    frame = frame if frame[ROW].is_sorted() else frame.sort(ROW)
    frame = id_codes.hashes_to_ids(frame, table, ids)
    frame = id_checks.check_event_ids(frame, table, schema.user, "user", cleaning)
    frame = id_checks.check_event_ids(frame, table, schema.item, "item", cleaning)
    frame = clean_events(frame, schema, cleaning, path=table.path)
    if label and not frame["label"].any():
        raise M6RecError(
            "the expression labels no event",
            where=f"--positive '{label}'",
            hint=label_expression.known_values(table, label) or "is it written as in the file?",
        )
    return ParsedLog(_in_order(frame, schema), cleaning)


def require_columns(table: Table, schema: Schema) -> None:
    """Raise unless the column of every role is in the table and holds one value per cell."""
    roles = [(role, getattr(schema, role)) for role in schema_file.ROLES]
    for role, name in (*roles, *(("order", name) for name in schema.order)):
        if name is None:
            continue
        if name not in table.schema:
            raise M6RecError(
                f"there is no column `{name}`, which the schema names as the {role}",
                where=table.path,
                hint=nearest_hint(name, table.schema),
            )
        require_single_values(table, name, role)


def _in_order(frame: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """Apply `Schema.order`; without a time, the places in the file become the times."""
    if not schema.order:
        return frame
    names = [_order_column(i) for i in range(len(schema.order))]
    keys, frame = [frame[name] for name in names], frame.drop(names)
    time = "timestamp" if schema.timestamp else None
    ordered = order_lines(frame, keys, user="user", time=time, row=ROW)
    return ordered if time else ordered.with_columns(frame["timestamp"])


def _order_column(position: int) -> str:
    return f"{OWN}order{position}"


def _identifiers(table: Table, schema: Schema) -> dict[str, pl.Expr]:
    kinds, head = table.schema, table.head()
    user = cell_values.identifier(schema.user, kinds[schema.user], head[schema.user])
    if schema.missing_users:
        user = pl.when(~user.is_in(list(schema.missing_users))).then(user)
    return {
        "user": user,
        "item": cell_values.identifier(schema.item, kinds[schema.item], head[schema.item]),
    }


def _columns(table: Table, schema: Schema, label: str | None) -> list[pl.Expr]:
    """The columns of `ParsedLog.frame`, with ids as hashes, and those that cleaning reads."""
    kinds, head = table.schema, table.head()
    columns = [
        pl.col(ROW),
        *(id_codes.hash_ids(pl.col(f"{OWN}{name}")).alias(name) for name in ("user", "item")),
    ]
    if schema.timestamp:
        name = schema.timestamp
        time = _time(table, schema, head[name])
        if schema.time_of_day:
            clock = schema.time_of_day
            time = time + timestamps.time_of_day_ms(clock, kinds[clock], head[clock]).fill_null(0)
        columns.append(time.alias("timestamp"))
    else:
        columns.append(pl.col(ROW).cast(pl.Int64).alias("timestamp"))
    event = (
        cell_values.text(schema.event, kinds[schema.event])
        if schema.event
        else pl.lit(None, pl.String)
    )
    columns.append(event.cast(pl.Categorical).alias("event"))
    weight = (
        cell_values.number(schema.weight, kinds[schema.weight]) if schema.weight else pl.lit(1.0)
    )
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
        columns.append(key.alias(_order_column(i)))
    others = _columns_without_role(table, schema)
    if schema.timestamp and others:
        # The hash changes with the process.
        columns.append(pl.struct(others).hash().alias(LINE_HASH))
    labelled = label_expression.parse_label_expression(table, label) if label else pl.lit(True)
    columns.append(labelled.alias("label"))
    return columns


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
