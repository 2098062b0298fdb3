"""The columns of an event log to its time: found by usual names, and by values.

A column counts as a time if its cells are times, whatever its name. Of several, a usual name comes
first; a finer column replaces a coarser one that it agrees with; a date is joined with a time of
day. An order (`position`, `rank`) is used if there is no time.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import polars as pl

from m6rec_cli.preprocessing.columns import (
    cell_values,
    column_names,
    date_formats,
    date_text,
    timestamps,
)
from m6rec_cli.preprocessing.columns.dependence import measure_dependence
from m6rec_cli.preprocessing.columns.event_sequence import EventSequence, find_sequence
from m6rec_cli.preprocessing.columns.file_order import file_order_warning
from m6rec_cli.preprocessing.columns.time_values import (
    Readings,
    is_finer,
    is_unreadable_time,
    read_as,
)
from m6rec_cli.preprocessing.tables import ROW, Table

_NOT_EVENTS = ("birth", "birthday", "dob", "born", "geburtsdatum", "geburtstag", "nacimiento")
_BELONGS_TO_ENTITY = 0.9


@dataclass(frozen=True, kw_only=True)
class TimeColumns:
    """What orders the events.

    Attributes:
        timestamp: None for file order.
        form: `Schema.timestamp_format`.
        time_of_day: A column that is added to the date.
        order: `Schema.order`.
        warnings: Doubts about the choice.
        unused: Columns that hold times and are not used, with the reason.
    """

    timestamp: str | None = None
    form: str = "auto"
    time_of_day: str | None = None
    order: tuple[str, ...] = ()
    warnings: list[str] = field(default_factory=list)
    unused: dict[str, str] = field(default_factory=dict)


def find_time(
    table: Table,
    user: str,
    item: str,
    taken: Collection[str],
    order: tuple[str, ...] | None = None,
) -> TimeColumns:
    """Find the time of the events, or what orders the events of a log without one.

    Args:
        taken: Columns with another role.
        order: The columns that order events; None finds them if there is no time.
    """
    head = table.head()
    names = [name for name in table.schema if name not in {user, item, *taken}]
    rank = {name: i for i, name in enumerate(column_names.TIME)}
    readings: Readings = {
        name: read_as(head[name], is_named=column_names.normalized_name(name) in rank)
        for name in names
    }
    usual = sorted(
        (n for n in names if column_names.normalized_name(n) in rank),
        key=lambda n: rank[column_names.normalized_name(n)],
    )
    unused: dict[str, str] = {}
    times = [n for n in usual if readings[n] in ("instant", "date")]
    others = []
    for name in names:
        if is_unreadable_time(head[name], readings[name]):
            unused[name] = "its name sounds like a time, but its cells cannot be read as times"
        if name in usual or readings[name] not in ("instant", "date"):
            continue
        reason = _not_the_event(table, head, name, user, item)
        if reason is None:
            others.append(name)
        else:
            unused[name] = reason
    # Of columns without a usual name: those that sound like a time first, then the finer ones.
    others.sort(
        key=lambda n: (not column_names.sounds_like_time(n), readings[n] == "date", names.index(n))
    )
    candidates = times + others
    if not candidates:
        found = _number_or_text(usual, readings, unused)
        return found or _without_time(table, user, item, taken, order, unused)
    chosen, warnings = candidates[0], []
    if readings[chosen] == "date":
        chosen = next((n for n in candidates if is_finer(head, n, chosen, readings)), chosen)
    for name in candidates:
        if name != chosen:
            unused[name] = f"a time, but `{chosen}` is read as that of the events"
    if chosen not in usual:
        warnings.append(
            f"no column has a usual name for the time: `{chosen}` is read as the time of the "
            f"events, because its cells are times (`--columns time=...` names another)"
        )
    time_of_day = _time_of_day(names, readings, head) if readings[chosen] == "date" else None
    form, warning = date_formats.resolve_date_order(table, chosen)
    warnings += [warning] if warning else []
    return TimeColumns(
        timestamp=chosen, form=form, time_of_day=time_of_day, warnings=warnings, unused=unused
    )


def resolve_form(table: Table, name: str) -> tuple[str, str | None]:
    """The `timestamp_format` of a column that is known to be the time, and a warning."""
    if column_names.normalized_name(name) in column_names.ORDER:
        return "order", None
    sample = table.head()[name]
    if read_as(sample, is_named=True) == "number":
        return "order", _too_small(name)
    return date_formats.resolve_date_order(table, name)


def _too_small(name: str) -> str:
    return f"the values of `{name}` are too small for times since 1970: read as an order"


def _number_or_text(
    usual: list[str], readings: Readings, unused: dict[str, str]
) -> TimeColumns | None:
    """A column with a usual name whose cells are no times."""
    numbers = [name for name in usual if readings[name] == "number"]
    if numbers:
        warning = _too_small(numbers[0])
        return TimeColumns(timestamp=numbers[0], form="order", warnings=[warning], unused=unused)
    # Of texts, an error says later that they are no times, with the way out.
    return TimeColumns(timestamp=usual[0], unused=unused) if usual else None


def _without_time(
    table: Table,
    user: str,
    item: str,
    taken: Collection[str],
    order: tuple[str, ...] | None,
    unused: dict[str, str],
) -> TimeColumns:
    """The columns that order the events of a log without a time, or file order."""
    if order:
        return _ordered_by(table, order, [], unused)
    sequence = find_sequence(table, user, item, taken) if order is None else EventSequence()
    unused |= sequence.unused
    if sequence.columns:
        said = ", then ".join(f"`{name}`" for name in sequence.columns)
        warning = (
            f"no column is a time: the events of each user are in the order of {said}, a guess "
            "from names and values (`--columns order=...` names others, `--no-time` takes file "
            "order)"
        )
        return _ordered_by(table, sequence.columns, [warning], unused)
    times = [name for name in unused if name not in sequence.unused]
    doubtful = ", ".join(f"`{name}`" for name in times)
    warning = (
        file_order_warning(table, user, item)
        or f"{table.path} has no time column: events are in file order"
        + (f"; {doubtful}: no times of the events that can be read" if doubtful else "")
        + " (`--no-time` if that is meant, `--columns time=...` names one)"
    )
    warnings = [warning, *(f"`{n}` is {reason}" for n, reason in sequence.unused.items())]
    return TimeColumns(warnings=warnings, unused=unused)


def _ordered_by(
    table: Table, columns: tuple[str, ...], warnings: list[str], unused: dict[str, str]
) -> TimeColumns:
    """Columns that order the events of a log without a time; a leading number is the time."""
    leads = columns[0] in table.schema and date_text.are_numbers(table.head()[columns[0]])
    return TimeColumns(
        timestamp=columns[0] if leads else None,
        form="order" if leads else "auto",
        order=columns[1:] if leads else columns,
        warnings=warnings,
        unused=unused,
    )


def with_ties(
    table: Table, found: TimeColumns, user: str, item: str, taken: Collection[str]
) -> TimeColumns:
    """Add the columns that order the events of a user at the same time."""
    name, clock, head = found.timestamp, found.time_of_day, table.head()
    if name is None or found.order or table.schema[name].is_nested():
        return found
    time = timestamps.timestamp_ms(name, table.schema[name], found.form, head[name])
    if clock:
        time += timestamps.time_of_day_ms(clock, table.schema[clock], head[clock]).fill_null(0)
    others = {name, *taken, *([clock] if clock else [])}
    sequence = find_sequence(table, user, item, others, time)
    said = ", then ".join(f"`{name}`" for name in sequence.columns)
    warning = (
        f"events of a user at the same time are in the order of {said}, a guess from names and "
        "values (`--columns order=...` names others, `order = false` in a schema file takes "
        "file order)"
    )
    return replace(
        found,
        order=sequence.columns,
        warnings=[*found.warnings, *([warning] if sequence.columns else [])],
        unused=found.unused | sequence.unused,
    )


def _not_the_event(table: Table, head: pl.DataFrame, name: str, user: str, item: str) -> str | None:
    """The reason why a column of times is not the time of the events."""
    if any(word in _NOT_EVENTS for word in column_names.words_of(name)):
        return "a date of birth"
    dtype = table.schema[name]
    is_number = date_text.are_numbers(head[name])
    if is_number and not column_names.sounds_like_time(name):
        return "its numbers could be times, but its name does not say so"
    dependence = measure_dependence(
        table.frame,
        value=cell_values.text(name, dtype),
        item=cell_values.text(item, table.schema[item]),
        user=cell_values.text(user, table.schema[user]),
        time=pl.col(ROW),
    )
    if (dependence.item or 0) >= _BELONGS_TO_ENTITY:
        return "a time that depends on the item"
    if (dependence.user or 0) >= _BELONGS_TO_ENTITY:
        return "a time that depends on the user"
    return None


def _time_of_day(names: list[str], readings: Readings, head: pl.DataFrame) -> str | None:
    clocks = [n for n in names if readings[n] == "time of day"]
    if clocks:
        return clocks[0]
    named = column_names.find_column(names, column_names.TIME_OF_DAY)
    return named if named and timestamps.are_clock_numbers(head[named]) else None
