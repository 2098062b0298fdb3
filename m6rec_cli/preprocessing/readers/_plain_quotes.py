"""Files whose quotes are ordinary characters: titles such as `7" Mix` between tabs.

If every line has as many fields as the first when quotes mean nothing, no quoted cell holds a
separator or a line break. Reading without quotes then loses nothing, and the quotes around whole
cells are removed afterwards.
"""

import polars as pl

from m6rec_cli.preprocessing.readers._base import is_pattern
from m6rec_cli.preprocessing.readers._delimited import Layout

_WHOLE = r'^"((?:[^"]|"")*)"$'
_UNUSED = "\x1e"
"""A separator that texts do not have: each line is one cell."""


def are_plain(path: str, layout: Layout) -> bool:
    """Whether a file has quotes, and every line as many separators as the first."""
    count = pl.col("line").str.count_matches(layout.separator, literal=True)
    lines = pl.scan_csv(
        path,
        has_header=False,
        schema={"line": pl.String},
        separator=_UNUSED,
        quote_char=None,
        eol_char=layout.end_of_line,
        skip_lines=layout.skip_lines,
        truncate_ragged_lines=True,
        encoding="utf8-lossy",
        glob=is_pattern(path),
    ).filter(pl.col("line").str.strip_chars() != "")
    found = lines.select(
        has_quotes=pl.col("line").str.contains('"', literal=True).any(),
        is_even=count.min() == count.max(),
        n=count.min(),
    ).collect(engine="streaming")
    has_quotes, is_even, n = found.row(0)
    return bool(has_quotes and is_even and n)


def without_whole_quotes(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Remove the quotes around whole cells and column names, and the second of two within."""
    names = [name for name, kind in frame.collect_schema().items() if kind == pl.String]
    cells = (_bare(pl.col(name)).alias(name) for name in names)
    bare = pl.select(_bare(pl.lit(pl.Series(names, dtype=pl.String)))).to_series()
    return frame.with_columns(cells).rename(dict(zip(names, bare, strict=True)))


def _bare(cell: pl.Expr) -> pl.Expr:
    inner = cell.str.extract(_WHOLE).str.replace_all('""', '"', literal=True)
    return pl.when(cell.str.contains(_WHOLE)).then(inner).otherwise(cell)
