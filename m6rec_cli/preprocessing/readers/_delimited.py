"""Delimited text to a lazy frame of strings."""

from dataclasses import dataclass, replace

import polars as pl

from m6rec_cli.preprocessing.readers._base import EXTRA, is_pattern, refuse_patterns


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How the lines of a delimited file are read.

    Attributes:
        separator: Between fields; of several characters, the source has to be `with_one_byte`.
        quote_char: Around fields; None if quotes are ordinary characters.
        end_of_line: The last character of a line.
        skip_lines: Lines above the header line.
        n_columns: The number of columns of a file without header line; None if there is one.
    """

    separator: str
    quote_char: str | None = '"'
    end_of_line: str = "\n"
    skip_lines: int = 0
    n_columns: int | None = None


def scan_strings(source: str | bytes, layout: Layout) -> pl.LazyFrame:
    """Scan all columns as String; the bool column `EXTRA` marks lines with too many fields."""
    # One column more than the header names: only a line that is too long fills it.
    return pl.scan_csv(
        source,
        schema={**dict.fromkeys(_column_names(source, layout), pl.String), EXTRA: pl.String},
        has_header=layout.n_columns is None,
        separator=layout.separator,
        quote_char=layout.quote_char,
        eol_char=layout.end_of_line,
        skip_lines=layout.skip_lines,
        truncate_ragged_lines=True,
        missing_columns="insert",
        encoding="utf8-lossy",
        glob=isinstance(source, str) and is_pattern(source),
    ).with_columns(pl.col(EXTRA).is_not_null())


def with_one_byte(data: bytes, layout: Layout) -> tuple[bytes, Layout]:
    """The text and its layout with a separator of one byte, which Polars requires.

    Quotes are ordinary characters in files with such separators, as those of MovieLens.
    """
    separator = "\x1f"
    data = data.replace(layout.separator.encode(), separator.encode())
    return data, replace(layout, separator=separator, quote_char=None)


def _column_names(source: str | bytes, layout: Layout) -> list[str]:
    if layout.n_columns is not None:
        return [str(number) for number in range(1, layout.n_columns + 1)]
    header = pl.scan_csv(
        source,
        infer_schema=False,
        separator=layout.separator,
        quote_char=layout.quote_char,
        eol_char=layout.end_of_line,
        skip_lines=layout.skip_lines,
        n_rows=0,
        truncate_ragged_lines=True,
        glob=isinstance(source, str) and is_pattern(source),
    )
    names = header.collect_schema().names()
    refuse_patterns(names)
    return names
