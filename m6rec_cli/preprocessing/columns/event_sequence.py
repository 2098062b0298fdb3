"""Columns that number events (`order_number`, `position`) to the order of each user's events.

A column may number a user's events or orders, or the lines within a session, an order or one time.
Its name suggests it, and its values must agree, see `sequence_checks`.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

import polars as pl

from m6rec_cli.preprocessing.columns import cell_values, column_names, date_text
from m6rec_cli.preprocessing.columns.sequence_checks import (
    ITEM,
    SESSION,
    TIME,
    USER,
    Numbers,
    distinct,
)
from m6rec_cli.preprocessing.tables import ROW, Table

_LINES = 300_000
"""Lines at the head of the log that are looked at."""
_NO_TIES = "no two events of a user have the same time, so there is nothing to order"


@dataclass(frozen=True, kw_only=True)
class EventSequence:
    """The columns that order the events of a user, beside their time or without one.

    Attributes:
        columns: The leading one first; empty if there is none.
        unused: Columns with the name of an order that are not used, with the reason.
    """

    columns: tuple[str, ...] = ()
    unused: dict[str, str] = field(default_factory=dict)


def find_sequence(
    table: Table, user: str, item: str, taken: Collection[str], time: pl.Expr | None = None
) -> EventSequence:
    """Find the columns that order events: those at the same time, or all without a time.

    Args:
        taken: Columns with another role.
        time: The parsed time; None for a log without one.
    """
    names, session = _candidates(table, {user, item, *taken})
    if not names:
        return EventSequence()
    lines = _lines(table, user, item, names, session, time)
    if distinct(lines, [USER]) == len(lines):  # one line a user: nothing to order or to check
        return EventSequence(columns=() if time is not None else (names[0],))
    numbers = {name: Numbers(lines, f"value {i}", name) for i, name in enumerate(names)}
    unused = {n: reason for n in names if (reason := numbers[n].why_never())}
    possible = [name for name in names if name not in unused]
    reasons = {name: numbers[name].why_not_of_user() for name in possible}
    leading = next((name for name in possible if reasons[name] is None), None)
    keys = [USER, *([TIME] if time is not None else [])]
    if leading:
        keys.append(numbers[leading].column)
    elif session and (time is None or distinct(lines, [*keys, SESSION]) > distinct(lines, keys)):
        keys.append(SESSION)
    position = None
    for name in (n for n in possible if n != leading):
        within = numbers[name].why_not_within(keys) if keys != [USER] else reasons[name]
        reason = within and (reasons[name] or within)
        if position is None and reason is None:
            position = name
        else:
            unused[name] = reason or f"`{position}` orders these events"
    if leading and time is not None and distinct(lines, [USER, TIME]) == len(lines):
        unused[leading], leading = _NO_TIES, None
    between = session if position and SESSION in keys else None
    found = tuple(name for name in (leading, between, position) if name)
    return EventSequence(columns=found, unused=unused)


def _candidates(table: Table, taken: Collection[str]) -> tuple[list[str], str | None]:
    """The columns of numbers that are named as an order, usual names first; and a session."""
    head = table.head()
    rank = {name: i for i, name in enumerate(column_names.ORDER)}
    free = [name for name in table.schema if name not in taken]
    named = [n for n in free if column_names.normalized_name(n) in rank]
    names = [n for n in named if not head[n].dtype.is_temporal() and date_text.are_numbers(head[n])]
    names.sort(key=lambda name: rank[column_names.normalized_name(name)])
    session = column_names.find_column([n for n in free if n not in names], column_names.SESSION)
    if session and (table.schema[session].is_nested() or table.schema[session] == pl.Binary):
        session = None
    return names, session


def _lines(
    table: Table,
    user: str,
    item: str,
    names: list[str],
    session: str | None,
    time: pl.Expr | None,
) -> pl.DataFrame:
    """The first lines: user, item, time and session (null without one), and numbers."""
    dtypes = table.schema
    values = [cell_values.number(n, dtypes[n]).alias(f"value {i}") for i, n in enumerate(names)]
    group = cell_values.text(session, dtypes[session]) if session else pl.lit(None, pl.String)
    return (
        table.frame.head(_LINES)
        .select(
            cell_values.text(user, dtypes[user]).alias(USER),
            cell_values.text(item, dtypes[item]).alias(ITEM),
            (pl.lit(None, pl.Int64) if time is None else time).alias(TIME),
            group.alias(SESSION),
            *values,
            ROW,
        )
        .filter(pl.col(USER).is_not_null(), pl.lit(time is None) | pl.col(TIME).is_not_null())
        .sort(ROW)
        .collect()
    )
