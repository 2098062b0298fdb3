"""Date cells to the formats that parse them, and to times."""

from collections.abc import Sequence

import polars as pl

from m6rec_cli.preprocessing.columns.date_text import (
    are_numbers,
    clean_text,
    have_short_years,
    have_weekdays,
    known_text,
)
from m6rec_cli.preprocessing.tables import Table

DATE_FORMATS = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %I:%M %p",
    "%d/%m/%Y %I:%M:%S %p",
    "%d/%m/%Y %I:%M %p",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d-%m-%Y %H:%M:%S",
    "%d-%m-%Y %H:%M",
    "%d-%m-%Y",
    "%m-%d-%Y %H:%M:%S",
    "%m-%d-%Y %H:%M",
    "%m-%d-%Y",
    # What `toLocaleString` of a browser writes.
    "%m/%d/%Y, %I:%M:%S %p",
    "%d/%m/%Y, %I:%M:%S %p",
    "%m/%d/%Y, %H:%M:%S",
    "%d/%m/%Y, %H:%M:%S",
    "%m/%d/%Y, %H:%M",
    "%d/%m/%Y, %H:%M",
    "%d.%m.%Y, %H:%M:%S",
    "%d.%m.%Y, %H:%M",
    "%d.%m.%Y, %H:%M:%S Uhr",
    "%d.%m.%Y, %H:%M Uhr",
    "%d.%m.%Y %H:%M Uhr",
    "%Y.%m.%d %H:%M:%S",
    "%Y.%m.%d %H:%M",
    "%Y.%m.%d",
    "%Y年%m月%d日 %H:%M:%S",
    "%Y年%m月%d日 %H:%M",
    "%Y年%m月%d日",
    "%Y%m%d",
    "%Y%m%d%H%M%S",
    "%Y%m%d%H%M",
    "%m %d, %Y",
    # `%B` parses the short names of months, too.
    "%d %B %Y",
    "%d %B %Y %H:%M:%S",
    "%B %d %Y %I:%M%p",  # SQL Server
    "%B %d, %Y",
    "%B %d, %Y %H:%M:%S",
    "%d-%B-%Y",
    "%d-%B-%Y %H:%M:%S",
)
ZONE_FORMATS = (
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%dT%H:%M%#z",
    "%Y-%m-%d %H:%M%#z",
    "%d %B %Y %H:%M:%S%#z",
)

DATE_ORDERS = ("day-first", "month-first")
"""Values of `timestamp_format` that decide between formats with day and month swapped."""

_DAY_OR_MONTH = r"^\d{1,2}[-/.]\d{1,2}[-/.]\d{4}"
_DATE = "%d/%m/%Y"


def _are_swapped(a: str, b: str) -> bool:
    return {a[:2], b[:2]} == {"%d", "%m"} and sorted(a) == sorted(b)


_AMBIGUOUS = {f for f in DATE_FORMATS if any(_are_swapped(f, other) for other in DATE_FORMATS)}
"""Formats for which the list has one with day and month swapped."""


def resolve_date_order(table: Table, name: str) -> tuple[str, str | None]:
    """What `auto` means for a column with dates whose day and month could be confused.

    Reads the whole column: the first lines of a sorted log may all be in the first days of a month.

    Returns:
        One of `DATE_ORDERS`, and a warning if the other one parses as many cells; or `auto` and
        None for other columns.
    """
    sample = table.head()[name]
    if sample.dtype.is_temporal() or sample.dtype.is_nested() or are_numbers(sample):
        return "auto", None
    known = known_text(sample)
    share = known.str.contains(_DAY_OR_MONTH).mean()
    if not isinstance(share, float) or share < 0.5:
        return "auto", None
    first = next((form for form in _by_hits(known) if form in _AMBIGUOUS), None)
    if first is None:
        return "auto", None
    orders = DATE_ORDERS if first.startswith("%d") else DATE_ORDERS[::-1]
    short, weekdays = have_short_years(sample), have_weekdays(sample)
    text = clean_text(pl.col(name), short=short, weekdays=weekdays)
    misses, other_misses = (
        table.frame.select(
            parse_text(text, fitting_formats(sample, order), zoned=False).null_count().alias(order)
            for order in orders
        )
        .collect(engine="streaming")
        .row(0)
    )
    if misses == other_misses:
        return orders[0], (
            f"day and month of `{name}` cannot be told apart; read as {orders[0]} "
            "(`timestamp_format` in the schema)"
        )
    return orders[0] if misses < other_misses else orders[1], None


def fitting_formats(sample: pl.Series, order: str = "auto") -> list[str]:
    """The formats that parse a value of the sample, most hits first; ties keep the list's order.

    Of ambiguous formats, only those of one order are kept: with both, each cell would be parsed by
    whichever fits.

    Args:
        order: One of `DATE_ORDERS`; `auto` takes that of the format with most hits. A given order
            also adds its formats of other lengths, for cells that the sample lacks, such as dates
            without a time.
    """
    start = {"day-first": "%d", "month-first": "%m"}.get(order, "")
    found: list[str] = []
    for form in _by_hits(known_text(sample)):
        if form in _AMBIGUOUS:
            start = start or form[:2]
            if not form.startswith(start):
                continue
        found.append(form)
    if order != "auto":
        dates = {form[: len(_DATE)] for form in found if form in _AMBIGUOUS}
        found += [
            form
            for form in DATE_FORMATS
            if form in _AMBIGUOUS
            and form.startswith(start)
            and form not in found
            and (form[: len(_DATE)] in dates or not dates)
        ]
    return found or list(DATE_FORMATS[:5])


def parse_text(text: pl.Expr, forms: Sequence[str], *, zoned: bool) -> pl.Expr:
    """Clean text as Int64 milliseconds by the first format that fits, null if none does.

    Args:
        zoned: The formats have an offset.
    """
    zone = "UTC" if zoned else None
    tries = [text.str.to_datetime(f, strict=False, time_unit="ms", time_zone=zone) for f in forms]
    return pl.coalesce(tries).cast(pl.Int64)


def _by_hits(known: pl.Series) -> list[str]:
    misses = {form: _misses(known, form) for form in DATE_FORMATS}
    return sorted(
        (form for form in DATE_FORMATS if misses[form] < len(known)), key=lambda form: misses[form]
    )


def _misses(known: pl.Series, form: str) -> int:
    return pl.select(parse_text(pl.lit(known), [form], zoned=False)).to_series().null_count()
