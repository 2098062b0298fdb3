"""A raw event log to clean events: roles read, cells parsed, row rules applied and counted.

The log is scanned once, streaming; what is held is a dozen bytes an event besides each distinct id once.
"""

import time
from dataclasses import dataclass

import numpy as np
import polars as pl

from m6rec_cli.preprocessing import tables
from m6rec_cli.preprocessing.cleaning.rules import Cleaning
from m6rec_cli.preprocessing.columns import cell_values, id_codes, label_expression, timestamps
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.preprocessing.tables import ROW, NoRecords, Table
from m6rec_cli.system.errors import M6RecError, nearest

DAY_MS = 86_400_000
_CHUNK = 1 << 16
_FACTORS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)
"""Odd numbers without a pattern."""


@dataclass(frozen=True)
class Parsed:
    """Clean events in file order.

    Attributes:
        frame: `__row` u32, `user` and `item` Enum, `timestamp` i64, `event` Categorical (null without an
            event column), `weight` f32, `label` bool.
        cleaning: What the rules did.
    """

    frame: pl.DataFrame
    cleaning: Cleaning


def read_events(table: Table, schema: Schema, *, cleaning: Cleaning | None = None) -> pl.DataFrame:
    """Raw events as `preprocess` reads them.

    Returns:
        `user_id` str, `item_id` str, `timestamp` i64 (milliseconds, or the order), `event` str (null where there is
        none), `weight` f32; sorted by user, time, file order; cleaned by the same row rules.

    Raises:
        M6RecError: One of the schema's columns is missing.
    """
    parsed = parse(table, schema, cleaning=cleaning)
    return (
        parsed.frame.select(
            pl.col("user").cast(pl.String).alias("user_id"),
            pl.col("item").cast(pl.String).alias("item_id"),
            "timestamp",
            pl.col("event").cast(pl.String),
            "weight",
            ROW,
        )
        .sort("user_id", "timestamp", ROW)
        .drop(ROW)
    )


def parse(
    table: Table, schema: Schema, *, label: str | None = None, cleaning: Cleaning | None = None
) -> Parsed:
    """Apply the roles of `schema` and the row rules to a log.

    Args:
        table: The open file.
        schema: Roles.
        label: The `--positive` expression; every event is labelled without one.
        cleaning: Where to count; a new one by default.

    Raises:
        M6RecError: A role's column is missing, the expression is wrong, or nothing is left.
    """
    require_columns(table, schema)
    cleaning = cleaning or Cleaning()
    if table.n_bad:
        first = [f"(row {table.first_bad})"] if table.first_bad else []
        cleaning.dropped("events: unparseable rows", table.n_bad, first)
    else:
        cleaning.dropped("events: unparseable rows", 0)
    ids = _identifiers(table, schema)
    # Ids are made in a step of their own, or what they are made of would be done for each use of one.
    made = table.frame.with_columns(
        expression.alias(f"__{name}") for name, expression in ids.items()
    )
    frame = made.select(_columns(table, schema, label)).collect(engine="streaming")
    frame = id_codes.enums(frame if frame[ROW].is_sorted() else frame.sort(ROW), table, ids)
    frame = _clean(frame, table, schema, cleaning)
    if label and not frame["label"].any():
        raise M6RecError(
            "no event is labelled by the expression",
            where=f"--positive '{label}'",
            hint="are the values written as in the file?",
        )
    return Parsed(frame, cleaning)


def require_columns(table: Table, schema: Schema) -> None:
    """Raise unless every role's column is in the table, and holds one value a cell."""
    for role in ("user", "item", "timestamp", "event", "weight", "quantity", "price"):
        name = getattr(schema, role)
        if name is None:
            continue
        if name not in table.schema:
            raise M6RecError(
                f"there is no column `{name}`, which the schema names as the {role}",
                where=table.path,
                hint=nearest(name, table.schema),
            )
        tables.require_single(table, name, role)


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
    kinds, head = table.schema, table.head()
    columns = [
        pl.col(ROW),
        *(id_codes.hashed(pl.col(f"__{name}")).alias(name) for name in ("user", "item")),
    ]
    if schema.timestamp:
        name = schema.timestamp
        columns.append(_time(table, schema, head[name]).alias("timestamp"))
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
            columns.append(
                (cell_values.number(name, kinds[name]) > 0).fill_null(True).alias(f"__{role}")
            )
    if schema.timestamp and not schema.has_time:
        # Without times, a repeated event is no duplicate unless the whole line is; the hash lives in this process only.
        flat = [name for name, kind in kinds.items() if not kind.is_nested()]
        columns.append(pl.struct(flat).hash().alias("__hash"))
    columns.append(
        label_expression.label(table, label).alias("label")
        if label
        else pl.lit(True).alias("label")
    )
    return columns


def _time(table: Table, schema: Schema, head: pl.Series) -> pl.Expr:
    """The times, once it is known that some can be read.

    Raises:
        M6RecError: None of the first lines' can, or the format is no pattern.
    """
    assert schema.timestamp
    where = f"{table.path}, column `{schema.timestamp}`"
    found = timestamps.timestamp(head.name, table.schema[head.name], schema.timestamp_format, head)
    try:
        read = head.to_frame().select(found).to_series()
    except pl.exceptions.PolarsError as error:
        raise M6RecError(
            f"`timestamp_format` is no pattern of times: {str(error).splitlines()[0]}",
            where=f"{where}: `{schema.timestamp_format}`",
            hint='for instance "%d.%m.%Y %H:%M"',
        ) from None
    written = head.cast(pl.String).str.strip_chars()
    known = written.filter(~written.is_in(cell_values.NO_WORD))
    if len(known) and read.null_count() == len(read):
        raise M6RecError(
            "no time on the first lines can be read",
            where=f"{where}, first: `{known[0]}`",
            hint='say how times are written by `timestamp_format` in a schema file, for instance "%d.%m.%Y %H:%M", or '
            "name another column",
        )
    return found


def _clean(frame: pl.DataFrame, table: Table, schema: Schema, cleaning: Cleaning) -> pl.DataFrame:
    keep = cleaning.keep
    other = "".join(f" or `{user}`" for user in schema.missing_users)
    frame = keep(frame, f"events: no user id{other}", pl.col("user").is_not_null(), "item")
    frame = keep(frame, "events: no item id", pl.col("item").is_not_null(), "user")
    if schema.timestamp:
        word = "timestamp" if schema.has_time else "order"
        frame = keep(
            frame, f"events: no readable {word}", pl.col("timestamp").is_not_null(), "item"
        )
    if schema.has_time:
        latest = int(time.time() * 1000) + DAY_MS
        inside = (pl.col("timestamp") > 0) & (pl.col("timestamp") <= latest)
        frame = keep(frame, "events: timestamp before 1970 or in the future", inside, "item")
    for role in ("quantity", "price"):
        if getattr(schema, role):
            frame = keep(
                frame, f"events: {role} of zero or less", pl.col(f"__{role}"), "item"
            ).drop(f"__{role}")
    if schema.has_time:
        frame = keep(frame, "events: exact duplicates", ~repeated(frame), "item")
    elif "__hash" in frame.columns:
        frame = keep(
            frame, "events: exact duplicates", pl.col("__hash").is_first_distinct(), "item"
        ).drop("__hash")
    if schema.weight:
        bad = pl.col("weight").is_null() | (pl.col("weight") < 0)
        cleaning.changed(
            "events: no weight or a negative one, taken as 1", int(frame.select(bad.sum()).item())
        )
        frame = frame.with_columns(
            pl.when(bad).then(1.0).otherwise("weight").cast(pl.Float32).alias("weight")
        )
    if frame.is_empty():
        worst = max(cleaning.rules, key=lambda rule: rule.get("dropped", 0))
        raise NoRecords(
            "no event is left after cleaning",
            where=table.path,
            hint=f"most were dropped by the rule `{worst['rule']}`: {worst['dropped']} rows; "
            "`m6rec preprocess --dry-run` says how columns are read",
        )
    return frame


def repeated(frame: pl.DataFrame) -> pl.Series:
    """Which rows equal an earlier one in user, item, time and event.

    Rows that share a hash are few, and only they are compared: a table of all rows would be the largest thing in memory.
    """
    key = [frame[name].to_physical() for name in ("user", "item", "timestamp", "event")]
    key = [column for column in key if column.null_count() < max(len(column), 1)]
    mixed = np.zeros(len(frame), np.uint64)
    for start in range(0, len(frame), _CHUNK):
        part = mixed[start : start + _CHUNK]
        for column, factor in zip(key, _FACTORS, strict=False):
            cells = (
                column.slice(start, _CHUNK)
                .cast(pl.UInt64, wrap_numerical=True)
                .fill_null(2**63)
                .to_numpy()
            )
            part += (cells + np.uint64(1)) * np.uint64(factor)
    ordered = np.sort(mixed)
    shared = pl.Series(np.unique(ordered[1:][ordered[1:] == ordered[:-1]]))
    some = pl.Series(mixed).is_in(shared.implode())
    rows = np.flatnonzero(some.to_numpy())
    again = np.zeros(len(frame), bool)
    again[rows] = (
        ~pl.DataFrame(key)
        .filter(some)
        .select(pl.struct(pl.all()).is_first_distinct())
        .to_series()
        .to_numpy()
    )
    return pl.Series(again)
