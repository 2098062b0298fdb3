"""A log without a time to a warning if its lines cannot be in the order of time."""

import polars as pl

from m6rec_cli.preprocessing.columns import cell_values
from m6rec_cli.preprocessing.tables import Table

_MIN_STEPS = 20
_MOST_UP = 0.95


def file_order_warning(table: Table, user: str, item: str) -> str | None:
    """A warning if each user's lines are sorted by item id, so that file order is no time."""
    head = table.head()
    ids = head.select(
        user=cell_values.text(user, table.schema[user]),
        item=cell_values.text(item, table.schema[item]),
    ).drop_nulls()
    number = ids["item"].cast(pl.Float64, strict=False)
    keys = ids.with_columns(number if number.null_count() == 0 else ids["item"])
    steps = keys.select(
        same=pl.col("user") == pl.col("user").shift(), up=pl.col("item") > pl.col("item").shift()
    ).filter(pl.col("same"))
    if len(steps) < _MIN_STEPS or steps["up"].sum() < _MOST_UP * len(steps):
        return None
    return (
        f"{table.path} has no time column, and the lines of each user are sorted by `{item}`: the "
        "last events of a user are then the greatest ids, and figures on them mean nothing. Add a "
        "time column; `--no-time` if file order is meant"
    )
