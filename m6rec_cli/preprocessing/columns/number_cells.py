"""Cells of a numeric feature to numbers: as `cell_values.number`, and dates of any usual format."""

from collections.abc import Sequence

import polars as pl

from m6rec_cli.preprocessing.columns import cell_values, date_formats, date_text

_LOOKS_LIKE_DATE = (
    r"^(?:\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}[ -][A-Za-z]{3,9}[ -]\d{4}"
    r"|\d{4}年\d{1,2}月|[A-Za-z]{3,9} \d{1,2}, \d{4}|\d{1,2} \d{1,2}, \d{4})(?:\D|$)"
)
_OFFSET = r"(:\d\d)[+-]\d{4}$"
_SHARE = 0.95
_SAMPLE = 1000
_MS_PER_DAY = 86_400_000


def date_formats_of(cells: pl.Series) -> list[str]:
    """The formats that parse nearly all cells as dates, most hits first; empty for other columns.

    ISO dates need none: `cell_values.number` reads them.
    """
    if cells.dtype != pl.String:
        return []
    sample = cells.drop_nulls().head(_SAMPLE)
    known = date_text.known_text(sample).str.replace(_OFFSET, "$1")
    if not len(known) or not _at_least(known.str.contains(_LOOKS_LIKE_DATE), _SHARE):
        return []
    plain = sample.to_frame().select(cell_values.number(cells.name, cells.dtype)).to_series()
    if _at_least(plain.is_not_null(), _SHARE):
        return []
    forms = date_formats.fitting_formats(known)
    parsed = date_formats.parse_text(pl.lit(known), forms, zoned=False)
    hits = pl.select(parsed).to_series().is_not_null()
    return forms if _at_least(hits, _SHARE) else []


def number(name: str, dtype: pl.DataType, forms: Sequence[str] = ()) -> pl.Expr:
    """A cell as a finite Float64, or null; dates count as days since 1970.

    Args:
        forms: The formats of a column of dates.
    """
    plain = cell_values.number(name, dtype)
    if not forms or dtype != pl.String:
        return plain
    text = date_text.clean_text(pl.col(name), short=True, weekdays=True)
    text = text.str.replace(_OFFSET, "$1")
    days = date_formats.parse_text(text, forms, zoned=False).floordiv(_MS_PER_DAY)
    return pl.coalesce(days.cast(pl.Float64), plain)


def _at_least(flags: pl.Series, share: float) -> bool:
    found = flags.mean()
    return isinstance(found, float) and found >= share
