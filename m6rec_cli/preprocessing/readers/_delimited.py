"""Delimited text to a lazy frame of strings."""

import polars as pl

from m6rec_cli.preprocessing.readers._base import EXTRA, is_pattern


def scan_strings(source: str | bytes, separator: str, quote_char: str | None = '"') -> pl.LazyFrame:
    """Scan all columns as String; the bool column `EXTRA` marks lines with too many fields."""
    pattern = isinstance(source, str) and is_pattern(source)
    header = pl.scan_csv(
        source,
        separator=separator,
        infer_schema=False,
        quote_char=quote_char,
        n_rows=0,
        truncate_ragged_lines=True,
        glob=pattern,
    ).collect_schema()
    # One column more than the header names: only a line that is too long fills it.
    return pl.scan_csv(
        source,
        separator=separator,
        schema={**dict.fromkeys(header, pl.String), EXTRA: pl.String},
        quote_char=quote_char,
        truncate_ragged_lines=True,
        missing_columns="insert",
        encoding="utf8-lossy",
        glob=pattern,
    ).with_columns(pl.col(EXTRA).is_not_null())
