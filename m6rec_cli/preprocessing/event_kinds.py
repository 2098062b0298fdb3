"""Event kinds to codes: the most frequent kind has code 0."""

from pathlib import Path

import polars as pl

from m6rec_cli.preprocessing.cleaning.rules import CleaningLog
from m6rec_cli.preprocessing.row_numbers import rows_of
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.system.directories import read_json
from m6rec_cli.system.errors import M6RecError

EVENT_KINDS = "events.json"
_ONLY_KIND = "event"
_MOST_KINDS = 255


def read_event_kinds(features: Path) -> list[str]:
    """The event kinds by code, from a `features` folder."""
    return read_json(features / EVENT_KINDS, "the list of event kinds")


def fit_event_kinds(events: pl.DataFrame, schema: Schema) -> list[str]:
    """The event kinds of a log by code: most frequent first, ties by name.

    Raises:
        M6RecError: There are more than 255.
    """
    if schema.event is None:
        return [_ONLY_KIND]
    counts = events.select(pl.col("event").cast(pl.String)).drop_nulls().group_by("event").len()
    kinds = counts.sort(["len", "event"], descending=[True, False])["event"].to_list()
    if len(kinds) > _MOST_KINDS:
        raise M6RecError(
            f"the event column has {len(kinds):,} event kinds, at most {_MOST_KINDS} are possible",
            where=f"column `{schema.event}`, for instance `{kinds[0]}`",
            hint="is it the right column? name another one in the schema, or none",
        )
    return kinds or [_ONLY_KIND]


def encode_event_kinds(
    event: pl.Series, kinds: list[str], schema: Schema, cleaning: CleaningLog, *, is_fitted: bool
) -> pl.Series:
    """The code of each event's kind, u8; missing and unknown kinds get code 0.

    Args:
        event: Categorical.
        is_fitted: The kinds come from an earlier data directory, so some may be unknown.
    """
    if schema.event is None:
        return pl.zeros(len(event), pl.UInt8, eager=True)
    codes = rows_of(event, pl.Series(kinds))
    if is_fitted:
        unknown = codes.is_null() & event.is_not_null()
        examples = event.filter(unknown).cast(pl.String).unique().sort().head(3).to_list()
        cleaning.count_changed(
            f"events: unknown event kind, replaced by `{kinds[0]}`", int(unknown.sum()), examples
        )
    cleaning.count_changed(f"events: no event kind, replaced by `{kinds[0]}`", event.null_count())
    return codes.fill_null(0).cast(pl.UInt8)
