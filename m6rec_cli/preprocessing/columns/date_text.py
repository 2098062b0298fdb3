"""Cells with dates to clean text, and whether cells are numbers or dates."""

import polars as pl

from m6rec_cli.preprocessing.columns.cell_values import MISSING_OR_NA

_COMPACT = r"^(19[7-9]\d|20\d\d)\d{4}(\d{4}|\d{6})?$"
"""A date without separators, such as 20111209 or 20111209083000."""
_SHORT_YEAR = r"^(\d{1,2})[/.]\d{1,2}[/.](\d{2})(?:\s|$)"
"""A date with a two-digit year. Not with dashes: there, the year usually comes first."""
_WEEKDAY = r"^(?i:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+"
_YEAR_AT_END = (
    r"^([A-Za-z]{3,9})\s+(\d{1,2})\s+(\d{1,2}:\d{2}:\d{2})\s*(?:UTC|GMT)?\s*([+-]\d{4})?\s*(\d{4})$"
)
"""`Nov 17 00:00:00 -0800 2017`, as C, Java and Twitter write times."""


def are_numbers(sample: pl.Series) -> bool:
    """Whether most known cells are numbers, and not dates such as 20111209."""
    if sample.dtype.is_nested():
        return False
    numbers = _known(sample, short=False).cast(pl.Float64, strict=False)
    return numbers.null_count() < len(numbers) / 2 and not _are_compact(sample)


def have_short_years(sample: pl.Series) -> bool:
    """Whether most cells are dates that end in a two-digit year, such as `12/1/10 8:26`.

    Dates that start with one (`24/01/15`) do not count: in these, the first number is no month and
    changes less often than the last.
    """
    cells = _known(sample, short=False)
    parts = cells.str.extract_groups(_SHORT_YEAR).struct.unnest().drop_nulls().cast(pl.Int64)
    if len(parts) < max(1, len(cells) / 2):
        return False
    first, last = parts.get_columns()
    return bool((first <= 12).all()) or first.n_unique() >= last.n_unique()


def have_weekdays(sample: pl.Series) -> bool:
    """Whether most cells begin with a weekday, such as `Fri Nov 17 00:00:00 -0800 2017`."""
    if sample.dtype != pl.String:
        return False
    known = sample.drop_nulls().str.strip_chars()
    known = known.filter(~known.is_in(MISSING_OR_NA))
    share = known.str.contains(_WEEKDAY).mean()
    return isinstance(share, float) and share > 0.5


def clean_text(column: pl.Expr, *, short: bool, weekdays: bool = False) -> pl.Expr:
    """A cell as text without the `.0` of floats, `UTC` at the end, or a space before an offset.

    Args:
        short: Write two-digit years with four digits: 00 to 69 are in this century.
        weekdays: Remove weekdays, and move a year at the end before the time.
    """
    text = column.cast(pl.String).str.strip_chars()
    if weekdays:
        text = text.str.replace(_WEEKDAY, "").str.replace(_YEAR_AT_END, "$2 $1 $5 $3$4")
    text = text.str.replace(r"^(\d{8}|\d{12}|\d{14})\.0$", "$1").str.replace(r"\s*(?:UTC|GMT)$", "")
    text = text.str.replace(r"(:\d\d(?:\.\d+)?)\s+([+-]\d\d(?::?\d\d)?)$", "$1$2")
    if not short:
        return text
    for digits, century in (("[0-6]", "20"), ("[7-9]", "19")):
        text = text.str.replace(
            rf"^(\d{{1,2}}[/.]\d{{1,2}}[/.])({digits}\d)(\s|$)", f"${{1}}{century}${{2}}${{3}}"
        )
    return text


def known_text(sample: pl.Series) -> pl.Series:
    """The clean text of the cells that hold a value."""
    return _known(sample, short=have_short_years(sample), weekdays=have_weekdays(sample))


def _known(sample: pl.Series, *, short: bool, weekdays: bool = False) -> pl.Series:
    text = clean_text(pl.lit(sample.drop_nulls()), short=short, weekdays=weekdays)
    known = pl.select(text).to_series()
    return known.filter(~known.is_in(MISSING_OR_NA))


def _are_compact(sample: pl.Series) -> bool:
    text = known_text(sample)
    if not len(text) or not text.str.contains(_COMPACT).all():
        return False
    return text.str.head(8).str.to_date("%Y%m%d", strict=False).null_count() == 0
