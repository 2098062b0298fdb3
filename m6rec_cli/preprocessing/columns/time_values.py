"""The cells of a column to what they are as times: instants, dates, times of day or numbers."""

from collections.abc import Mapping
from typing import Literal

import polars as pl

from m6rec_cli.preprocessing.columns import column_names, date_text, timestamps

Reading = Literal["instant", "date", "time of day", "number"]
Readings = Mapping[str, Reading | None]
"""By column."""

DAY_MS = 86_400_000
_MOST = 0.95
"""Least share of the cells of a column of times that are times."""
_LEAST_IF_NAMED = 0.05
_LARGEST_ORDER = 1e8
"""Numbers below are too small for times since 1970 in seconds (1e8 is in 1973)."""
_EPOCHS = tuple((6.3e8 * unit, 2.2e9 * unit) for unit in (1, 1e3, 1e6, 1e9))
"""The years 1990 to 2039 in seconds, milliseconds, microseconds and nanoseconds."""
_CLOCK = r"^\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?$"


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


def is_unreadable_time(sample: pl.Series, reading: Reading | None) -> bool:
    """Whether a column sounds like a time and holds texts with digits that are read as nothing."""
    if reading is not None or sample.dtype != pl.String:
        return False
    known = date_text.known_text(sample)
    return column_names.sounds_like_time(sample.name) and _share(known.str.contains(r"\d")) >= _MOST


def is_finer(head: pl.DataFrame, name: str, coarse: str, readings: Readings) -> bool:
    """Whether a column has the time of day to the dates of another."""
    if readings[name] != "instant":
        return False
    days = head.select(
        (timestamps.timestamp_ms(n, head.schema[n], "auto", head[n]) // DAY_MS).alias(str(i))
        for i, n in enumerate((name, coarse))
    ).drop_nulls()
    return len(days) > 0 and _share((days["0"] - days["1"]).abs() <= 1) >= _MOST


def _instant_or_date(milliseconds: pl.Series) -> Reading:
    return "instant" if bool((milliseconds % DAY_MS != 0).any()) else "date"


def _share(flags: pl.Series) -> float:
    """The share of true values; 0 without values."""
    mean = flags.mean()
    return mean if isinstance(mean, float) else 0.0
