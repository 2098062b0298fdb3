"""Decimal commas to points, in the text columns of a lazy frame that have them."""

import polars as pl

from m6rec_cli.preprocessing.columns.cell_values import CURRENCY, MISSING_OR_NA

_SIGN = rf"(?:\s*{CURRENCY}\s*)?"
_NUMBER = rf"^[-+]?{_SIGN}(?:\d{{1,3}}(?:[.\s]\d{{3}})+|\d+)(?:,\d+)?{_SIGN}$"
"""A number that may have points or spaces between thousands, a decimal comma, and a currency."""
_DECIMAL_COMMA = r"(?:^|\D)0,|,(?:\d{1,2}|\d{4,})(?:\D|$)"
"""A comma that cannot separate thousands."""
_TWO_DECIMALS = r",\d\d(?:\D|$)"
_BOTH_SIGNS = rf"[.\s]\d{{3}},\d|{CURRENCY}"
"""A separator of thousands beside a comma, or a currency: an amount, and no set of two."""
_SHARE = 0.9
_SAMPLE = 1000


def with_decimal_points(
    frame: pl.LazyFrame, *, are_sure: bool = False
) -> tuple[pl.LazyFrame, dict[str, str]]:
    """Replace decimal commas by points in columns of numbers; the first lines decide.

    Args:
        are_sure: A comma in a number is no separator of a list: the fields of the text are
            separated by semicolons or tabs.

    Returns:
        The frame, and an example of each column with decimal commas.
    """
    texts = [name for name, dtype in frame.collect_schema().items() if dtype == pl.String]
    if not texts:
        return frame, {}
    head = frame.select(texts).head(_SAMPLE).collect()
    found = {
        name: example for name in texts if (example := _example(head[name], are_sure=are_sure))
    }
    cells = {name: pl.col(name).str.strip_chars() for name in found}
    points = frame.with_columns(
        pl.when(cell.str.contains(_NUMBER))
        .then(cell.str.replace_all(r"(\d)[.\s](\d)", "$1$2").str.replace(",", ".", literal=True))
        .otherwise(cell)
        .alias(name)
        for name, cell in cells.items()
    )
    return (points if found else frame), found


def _example(cells: pl.Series, *, are_sure: bool) -> str | None:
    """A cell with a decimal comma; None if the column is another one."""
    known = cells.drop_nulls().str.strip_chars()
    known = known.filter(~known.is_in(MISSING_OR_NA))
    if not len(known) or not known.str.contains(_NUMBER).all():
        return None
    decimal = known.filter(known.str.contains(_DECIMAL_COMMA))
    if not len(decimal):
        return None
    if are_sure or known.str.contains(_BOTH_SIGNS).any():
        return decimal[0]
    # `1,2` may be a set of two: only amounts have two decimals throughout.
    share = known.str.contains(_TWO_DECIMALS).mean()
    return decimal[0] if isinstance(share, float) and share >= _SHARE else None
