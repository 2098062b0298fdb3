"""Ids that a user lists in a file to the spelling of the data."""

import polars as pl

from m6rec_cli.preprocessing.columns.cell_values import identifier


def parse_ids(column: pl.Series, known: pl.Series) -> pl.Series:
    """Read a column of ids; missing cells are null.

    A column of whole floats gives `17` for `17.0`, unless the data have ids that end in `.0`.

    Args:
        column: Of any type that ids have in a file.
        known: The ids of the data.
    """
    raw = column.cast(pl.String).str.strip_chars()
    if raw.is_in(known.implode()).any():
        return raw
    ids = identifier(column.name, column.dtype, column).alias(column.name)
    return column.to_frame().select(ids).to_series()
