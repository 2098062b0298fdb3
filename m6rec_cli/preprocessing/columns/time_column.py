"""The columns of an event log to its time: found by usual names, and by values.

A column counts as a time if its cells are times, whatever its name. Of several, a usual name comes
first; a finer column replaces a coarser one that it agrees with; a date is joined with a time of
day. An order (`position`, `rank`) is used if there is no time.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from m6rec_cli.preprocessing.columns import (
    cell_values,
    column_names,
    date_formats,
    date_text,
    timestamps,
)
from m6rec_cli.preprocessing.columns.dependence import measure_dependence
from m6rec_cli.preprocessing.columns.file_order import file_order_warning
from m6rec_cli.preprocessing.tables import ROW, Table

Reading = Literal["instant", "date", "time of day", "number"]

Readings = Mapping[str, Reading | None]

DAY_MS = 86_400_000
_MOST = 0.95
_LEAST_IF_NAMED = 0.05
_LARGEST_ORDER = 1e8
"""Numbers below are too small for times since 1970 in seconds (1e8 is in 1973)."""
_EPOCHS = tuple((6.3e8 * unit, 2.2e9 * unit) for unit in (1, 1e3, 1e6, 1e9))
"""The years 1990 to 2039 in seconds, milliseconds, microseconds and nanoseconds."""
_CLOCK = r"^\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?$"
_NOT_EVENTS = ("birth", "birthday", "dob", "born", "geburtsdatum", "geburtstag", "nacimiento")
_BELONGS_TO_ENTITY = 0.9


@dataclass(frozen=True, kw_only=True)
class TimeColumns:
    """What orders the events.

    Attributes:
        timestamp: None for file order.
        form: `Schema.timestamp_format`.
        time_of_day: A column that is added to the date.
        warnings: Doubts about the choice.
        unused: Columns that hold times and are not used, with the reason.
    """

    timestamp: str | None = None
    form: str = "auto"
    time_of_day: str | None = None
    warnings: list[str] = field(default_factory=list)
    unused: dict[str, str] = field(default_factory=dict)


def find_time(table: Table, user: str, item: str, taken: Collection[str]) -> TimeColumns:
    """Find what orders the events of a log.

    Args:
        taken: Columns with another role.
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
        return _without_time(table, user, item, usual, readings, unused)
    chosen, warnings = candidates[0], []
    if readings[chosen] == "date":
        chosen = next((n for n in candidates if _is_finer(head, n, chosen, readings)), chosen)
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


def read_as(sample: pl.Series, *, is_named: bool = False) -> Reading | None:
    """What the cells of a column are, as far as time goes; None for anything else.

    Args:
        is_named: The column is known to be the time, so that wrong times among its cells do not
            make it something else.
    """
    dtype = sample.dtype
    if dtype == pl.Time:
        return "time of day"
    if dtype == pl.Boolean or dtype == pl.Duration or dtype.is_nested() or dtype == pl.Binary:
        return None
    if dtype == pl.Date:
        return "date"
    if dtype == pl.Datetime:
        return _instant_or_date(sample.dt.timestamp("ms"))
    known = date_text.known_text(sample)
    if not len(known):
        return None
    if _share(known.str.contains(_CLOCK)) >= _MOST:
        return "time of day"
    if date_text.are_numbers(sample):
        values = known.cast(pl.Float64, strict=False).drop_nulls()
        if is_named:
            return "instant" if bool((values.abs() >= _LARGEST_ORDER).any()) else "number"
        is_epoch = any(_share(values.is_between(*bounds)) >= _MOST for bounds in _EPOCHS)
        return "instant" if is_epoch and values.n_unique() > 1 else "number"
    parsed = timestamps.timestamp_ms(sample.name, dtype, "auto", sample)
    milliseconds = sample.to_frame().select(parsed).to_series().drop_nulls()
    if len(milliseconds) < (_LEAST_IF_NAMED if is_named else _MOST) * len(known):
        return None
    return _instant_or_date(milliseconds)


def resolve_form(table: Table, name: str) -> tuple[str, str | None]:
    """The `timestamp_format` of a column that is known to be the time, and a warning."""
    if column_names.normalized_name(name) in column_names.ORDER:
        return "order", None
    sample = table.head()[name]
    if read_as(sample, is_named=True) == "number":
        return "order", (
            f"the values of `{name}` are too small for times since 1970: read as an order"
        )
    return date_formats.resolve_date_order(table, name)


def _without_time(
    table: Table,
    user: str,
    item: str,
    usual: list[str],
    readings: Readings,
    unused: dict[str, str],
) -> TimeColumns:
    """An order in place of a time, or file order."""
    numbers = [name for name in usual if readings[name] == "number"]
    order = column_names.find_column(table.schema, column_names.ORDER)
    warnings = []
    if numbers:
        warnings.append(
            f"the values of `{numbers[0]}` are too small for times since 1970: read as an order"
        )
        return TimeColumns(timestamp=numbers[0], form="order", warnings=warnings, unused=unused)
    if order is not None and readings.get(order) == "number":
        return TimeColumns(timestamp=order, form="order", unused=unused)
    if usual:  # its cells are no times: an error later says so, with the way out
        return TimeColumns(timestamp=usual[0], unused=unused)
    doubtful = ", ".join(f"`{name}`" for name in unused)
    warnings.append(
        file_order_warning(table, user, item)
        or f"{table.path} has no time column: events are in file order"
        + (f"; {doubtful} hold times but not those of the events" if doubtful else "")
        + " (`--no-time` if that is meant, `--columns time=...` names one)"
    )
    return TimeColumns(warnings=warnings, unused=unused)


def _instant_or_date(milliseconds: pl.Series) -> Reading:
    return "instant" if bool((milliseconds % DAY_MS != 0).any()) else "date"


def _share(flags: pl.Series) -> float:
    mean = flags.mean()
    return mean if isinstance(mean, float) else 0.0


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


def _is_finer(head: pl.DataFrame, name: str, coarse: str, readings: Readings) -> bool:
    """Whether a column has the time of day to the dates of another."""
    if readings[name] != "instant":
        return False
    days = head.select(
        (timestamps.timestamp_ms(n, head.schema[n], "auto", head[n]) // DAY_MS).alias(str(i))
        for i, n in enumerate((name, coarse))
    ).drop_nulls()
    return len(days) > 0 and _share((days["0"] - days["1"]).abs() <= 1) >= _MOST


def _time_of_day(names: list[str], readings: Readings, head: pl.DataFrame) -> str | None:
    clocks = [n for n in names if readings[n] == "time of day"]
    if clocks:
        return clocks[0]
    named = column_names.find_column(names, column_names.TIME_OF_DAY)
    return named if named and timestamps.are_clock_numbers(head[named]) else None
