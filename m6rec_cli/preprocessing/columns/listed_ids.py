"""Ids that somebody names in a file to the text by which the data know them."""

import polars as pl

from m6rec_cli.preprocessing.columns.cell_values import identifier


def named_ids(column: pl.Series, known: pl.Series) -> pl.Series:
    """A column as ids, null where a cell is missing; `17.0` throughout is `17`, unless the data know ids that are written so.

    Args:
        column: Of any type that an id has in a file.
        known: The ids of the data.
    """
    raw = column.cast(pl.String).str.strip_chars()
    if raw.is_in(known.implode()).any():
        return raw
    return (
        column.to_frame()
        .select(identifier(column.name, column.dtype, column).alias(column.name))
        .to_series()
    )
