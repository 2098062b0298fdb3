"""Helpers for tests of time columns."""

from datetime import UTC, datetime

import polars as pl

from m6rec_cli.preprocessing.columns import timestamps


def parsed(series: pl.Series, form: str, sample: pl.Series | None = None) -> list[int | None]:
    """The cells as milliseconds or ranks; the sample is the whole column by default."""
    frame = series.alias("c").to_frame()
    sample = series if sample is None else sample
    return (
        frame.select(timestamps.timestamp_ms("c", series.dtype, form, sample)).to_series().to_list()
    )


def ms(*parts: int) -> int:
    """Milliseconds since 1970 of a date in UTC."""
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc]
