"""Parsed events to clean events: the rules that look at single rows, and duplicates."""

import time

import polars as pl

from m6rec_cli.preprocessing.cleaning.duplicates import LINE_HASH, find_duplicates
from m6rec_cli.preprocessing.cleaning.rules import CleaningLog
from m6rec_cli.preprocessing.readers._base import OWN
from m6rec_cli.preprocessing.schema import Schema

DAY_MS = 86_400_000
BAD_WEIGHTS = "events: missing or negative weight, replaced by 1"
SELF_EVENTS = "events: of a user with themselves"


def positive_column(role: str) -> str:
    """The column that says whether the `quantity` or `price` of an event is above zero."""
    return f"{OWN}{role}"


def clean_events(
    frame: pl.DataFrame, schema: Schema, cleaning: CleaningLog, *, latest: int
) -> pl.DataFrame:
    """Drop events with missing or impossible cells and repeated ones; replace bad weights by 1.

    Args:
        frame: All events of some users, as `coded_events` reads them.
        latest: Later timestamps, in milliseconds, are impossible.
    """
    keep = cleaning.keep_rows
    other = "".join(f" or `{user}`" for user in schema.missing_users)
    frame = keep(frame, f"events: no user id{other}", pl.col("user").is_not_null(), "item")
    frame = keep(frame, "events: no item id", pl.col("item").is_not_null(), "user")
    if schema.timestamp:
        word = "timestamp" if schema.has_time else "order"
        known = pl.col("timestamp").is_not_null()
        frame = keep(frame, f"events: no readable {word}", known, "item")
    if schema.has_time:
        inside = (pl.col("timestamp") > 0) & (pl.col("timestamp") <= latest)
        frame = keep(frame, "events: timestamp before 1970 or in the future", inside, "item")
    for role in ("quantity", "price"):
        if getattr(schema, role):
            column = positive_column(role)
            frame = keep(frame, f"events: {role} of zero or less", pl.col(column), "item")
            frame = frame.drop(column)
    if schema.timestamp:
        frame = keep(frame, "events: exact duplicates", ~find_duplicates(frame), "item")
        frame = frame.drop(LINE_HASH, strict=False)
    if schema.weight:
        bad = pl.col("weight").is_null() | (pl.col("weight") < 0)
        cleaning.count_changed(
            BAD_WEIGHTS,
            int(frame.select(bad.sum()).item()),
        )
        frame = frame.with_columns(
            pl.when(bad).then(1.0).otherwise("weight").cast(pl.Float32).alias("weight")
        )
    return frame


def latest_possible_time() -> int:
    """A day from now, in milliseconds: no event can be later."""
    return int(time.time() * 1000) + DAY_MS
