"""Time cells of any kind to milliseconds since 1970, or to an order."""

import polars as pl

from m6rec_cli.preprocessing.columns.date_formats import (
    DATE_ORDERS,
    ZONE_FORMATS,
    fitting_formats,
    parse_text,
)
from m6rec_cli.preprocessing.columns.date_text import (
    are_numbers,
    clean_text,
    have_short_years,
    have_weekdays,
)

_UNITS = {"s": 1000.0, "ms": 1.0, "us": 1e-3, "ns": 1e-6}
"""Milliseconds of each unit."""
_OFFSET = r":\d\d(?:\.\d+)?(?:Z|[+-]\d\d(?::?\d\d)?)$"
"""The end of a time with an offset from UTC."""
_CLOCK_PARTS = r"^(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?$"
_ZONE_CODES = ("%z", "%:z", "%#z")
_ZONE_TEXTS = ("UTC", "GMT", *(f" {code}" for code in _ZONE_CODES))
"""What a pattern contains if it parses text that `clean_text` would remove."""


def timestamp_ms(name: str, dtype: pl.DataType, form: str, sample: pl.Series) -> pl.Expr:
    """A cell as Int64: milliseconds since 1970 (UTC), or the position if `form` is `order`.

    The position is the number in the cell; if the sample has fractions, it is the number's rank in
    the column.

    Args:
        form: `Schema.timestamp_format`.
        sample: Values of the column, which decide between numbers and dates if `form` is `auto`,
            and choose the date formats if it is that or one of `DATE_ORDERS`.

    Raises:
        pl.exceptions.PolarsError: On evaluation, if `form` is no valid pattern.
    """
    column = pl.col(name)
    if dtype.is_temporal() and form != "order":
        return (column.cast(pl.Datetime("ms")) if dtype == pl.Date else column).dt.timestamp("ms")
    value = column.cast(pl.Float64, strict=False)
    if form == "order":
        return _order(value, sample)
    if form in _UNITS:
        return (value * _UNITS[form]).round().cast(pl.Int64, strict=False)
    if form == "auto" and are_numbers(sample):
        return _epoch_ms(value).round().cast(pl.Int64, strict=False)
    if form not in ("auto", *DATE_ORDERS):
        return _by_pattern(column, form)
    short, weekdays = have_short_years(sample), have_weekdays(sample)
    text = clean_text(column, short=short, weekdays=weekdays)
    with_offset = parse_text(text, ZONE_FORMATS, zoned=True)
    without = parse_text(text, fitting_formats(sample, form), zoned=False)
    return pl.when(text.str.contains(_OFFSET)).then(with_offset).otherwise(without)


def are_clock_numbers(sample: pl.Series) -> bool:
    """Whether all cells are times of day as numbers.

    That is hours (`9`), hours and minutes (`930`) or seconds since midnight (`34200`).
    """
    values = sample.cast(pl.Float64, strict=False).drop_nulls()
    if not len(values) or not bool(values.is_between(0, 86_399).all()):
        return False
    if _are_seconds(values):
        return True
    return bool(((values % 100 < 60) & (values == values.round())).all())


def _are_seconds(values: pl.Series) -> bool:
    return bool((values >= 2400).any())


def time_of_day_ms(name: str, dtype: pl.DataType, sample: pl.Series) -> pl.Expr:
    """A time of day as Int64 milliseconds since midnight; null where it cannot be read.

    Args:
        sample: Decides whether numbers are hours, hours and minutes, or seconds.
    """
    column = pl.col(name)
    if dtype == pl.Time:
        return column.cast(pl.Int64) // 1_000_000
    if are_clock_numbers(sample):
        value = column.cast(pl.Float64, strict=False)
        if _are_seconds(sample.cast(pl.Float64, strict=False).drop_nulls()):
            return (value * 1000).round().cast(pl.Int64)
        value = value.cast(pl.Int64, strict=False)
        largest = sample.cast(pl.Float64, strict=False).max()
        are_hours = isinstance(largest, float) and largest < 24
        minutes = value * 60 if are_hours else value // 100 * 60 + value % 100
        return minutes * 60_000
    parts = column.cast(pl.String).str.strip_chars().str.extract_groups(_CLOCK_PARTS)
    hours, minutes, seconds = (
        parts.struct.field(str(i)).cast(pl.Float64, strict=False) for i in (1, 2, 3)
    )
    return ((hours * 60 + minutes) * 60_000 + seconds.fill_null(0) * 1000).round().cast(pl.Int64)


def has_fractions(sample: pl.Series) -> bool:
    """Whether an order has fractions: the days of a spreadsheet, or a time scaled to 0..1."""
    numbers = sample.cast(pl.Float64, strict=False)
    return bool((numbers != numbers.round()).any())


def _by_pattern(column: pl.Expr, form: str) -> pl.Expr:
    text = clean_text(column, short=False)
    if any(part in form for part in _ZONE_TEXTS):
        text = column.cast(pl.String).str.strip_chars()
    return parse_text(text, [form], zoned=any(code in form for code in _ZONE_CODES))


def _epoch_ms(value: pl.Expr) -> pl.Expr:
    """Seconds or a smaller unit, by magnitude; seconds stay below 1e11 until the year 5138."""
    size = value.abs()
    return (
        pl.when(size < 1e11)
        .then(value * _UNITS["s"])
        .when(size < 1e14)
        .then(value)
        .when(size < 1e17)
        .then(value * _UNITS["us"])
        .otherwise(value * _UNITS["ns"])
    )


def _order(value: pl.Expr, sample: pl.Series) -> pl.Expr:
    if has_fractions(sample):
        return pl.when(value.is_finite()).then(value).rank("dense").cast(pl.Int64)
    return value.round().cast(pl.Int64, strict=False)
