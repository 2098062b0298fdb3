"""Decimal commas to points, in the columns of a lazy frame of strings that have them."""

import polars as pl

from m6rec_cli.preprocessing.columns.cell_values import CURRENCY, MISSING_OR_NA
from m6rec_cli.preprocessing.readers._base import EXTRA, HEADER

_SIGN = rf"(?:\s*{CURRENCY}\s*)?"
_NUMBER = rf"^[-+]?{_SIGN}(?:\d{{1,3}}(?:[.\s]\d{{3}})+|\d+)(?:,\d+)?{_SIGN}$"
"""A number that may have points or spaces between thousands, a decimal comma, and a currency."""
_DECIMAL_COMMA = r"(?:^|\D)0,|,(?:\d{1,2}|\d{4,})(?:\D|$)"
"""A comma that cannot separate thousands."""
_TWO_DECIMALS = r",\d\d(?:\D|$)"
_SHARE = 0.9


def with_decimal_points(frame: pl.LazyFrame, separator: str) -> pl.LazyFrame:
    """Replace decimal commas by points in columns of numbers; the first lines decide."""
    head = frame.head(1000).collect()
    names = [
        n for n in head.columns if n not in (EXTRA, HEADER) and _has_commas(head[n], separator)
    ]
    cells = [pl.col(name).str.strip_chars() for name in names]
    return frame.with_columns(
        pl.when(cell.str.contains(_NUMBER))
        .then(cell.str.replace_all(r"(\d)[.\s](\d)", "$1$2").str.replace(",", ".", literal=True))
        .otherwise(cell)
        .alias(name)
        for name, cell in zip(names, cells, strict=True)
    )


def _has_commas(cells: pl.Series, separator: str) -> bool:
    known = cells.drop_nulls().str.strip_chars()
    known = known.filter(~known.is_in(MISSING_OR_NA))
    if not len(known) or not known.str.contains(_NUMBER).all():
        return False
    if separator in ";\t":
        return known.str.contains(_DECIMAL_COMMA).any()
    # In files with commas, `"1,2"` may be a set of two: only amounts have two decimals throughout.
    share = known.str.contains(_TWO_DECIMALS).mean()
    return isinstance(share, float) and share >= _SHARE
