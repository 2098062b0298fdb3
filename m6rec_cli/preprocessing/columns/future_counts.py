"""Item and user tables to warnings of features that know the future.

A count of ratings or of sales over the whole log includes the held-out events: it tells how often
an item is about to be chosen.
"""

import polars as pl

from m6rec_cli.preprocessing.columns import cell_values, column_names
from m6rec_cli.preprocessing.schema import FeatureColumn
from m6rec_cli.preprocessing.tables import ID, Table

_NAMES = (
    *("numratings", "ratingcount", "ratingscount", "ratingnumber", "nratings", "averagerating"),
    *("avgrating", "meanrating", "ratingavg", "votecount", "voteaverage", "votes", "nvotes"),
    *("reviewcount", "reviewscount", "numreviews", "nreviews", "numberofreviews", "salesrank"),
    *("sales", "salescount", "numsales", "totalsales", "unitssold", "soldcount", "bestsellerrank"),
    *("alsobought", "alsoviewed", "boughttogether", "alsobuy", "alsoview", "similaritems"),
    *("popularity", "playcount", "plays", "viewcount", "views", "downloads", "clicks", "orders"),
    *("purchases", "purchasecount", "listeners", "likes", "favorites", "favourites"),
)
_MIN_ROWS = 20
_LINES = 1_000_000
"""Lines at the head of the log that are counted."""
_SAME_ORDER = 0.95
"""Least rank correlation with the number of events of a count over the log."""


def future_count_warning(
    table: Table,
    features: tuple[FeatureColumn, ...],
    *,
    entity: str,
    id_column: str,
    events: Table,
    event_column: str,
) -> str | None:
    """A warning if features are named like counts over the log, or follow its counts.

    Args:
        entity: `item` or `user`.
        id_column: The id in the table of the entity.
        event_column: The same id in the event log.
    """
    suspects = [f.column for f in features if column_names.normalized_name(f.column) in _NAMES]
    numeric = [f.column for f in features if f.kind == "numeric" and f.column not in suspects]
    suspects += _that_follow_counts(table, numeric, id_column, events, event_column)
    if not suspects:
        return None
    named = ", ".join(f"`{name}`" for name in dict.fromkeys(suspects))
    example = suspects[0]
    return (
        f"{named} of the {entity} table may be counted over the whole log, held-out events "
        f'included: figures would be too good. Leave them out: `"{example}" = false` below '
        f"`[{entity}s.features]` in a schema file, or use values from before the split"
    )


def _that_follow_counts(
    table: Table, names: list[str], id_column: str, events: Table, event_column: str
) -> list[str]:
    if not names:
        return []
    counts = (
        events.frame.head(_LINES)
        .select(id=cell_values.text(event_column, events.schema[event_column]))
        .drop_nulls()
        .group_by("id")
        .len("events")
        .collect(engine="streaming")
    )
    values = {name: cell_values.number(name, table.schema[name]) for name in names}
    rows = (
        table.frame.select(
            cell_values.text(id_column, table.schema[id_column]).alias(ID),
            *(value.alias(f"value {name}") for name, value in values.items()),
        )
        .collect(engine="streaming")
        .join(counts, left_on=ID, right_on="id", how="inner")
    )
    found = []
    for name in names:
        known = rows.select("events", pl.col(f"value {name}").alias("value")).drop_nulls()
        if len(known) < _MIN_ROWS or known["events"].n_unique() < 2:
            continue
        correlation = known.select(pl.corr(pl.col("value").rank(), pl.col("events").rank())).item()
        if correlation is not None and correlation >= _SAME_ORDER:
            found.append(name)
    return found
