"""Raw cells of any type to ids, categories, numbers and lists; missing cells become null.

All functions build Polars expressions, which run in lazy plans and on frames.
"""

import re

import polars as pl

from m6rec_cli.data.format import RESERVED
from m6rec_cli.preprocessing.schema import FeatureColumn

MISSING = (
    "",
    "nan",
    "NaN",
    "NAN",
    "NULL",
    "null",
    "Null",
    "None",
    "N/A",
    "n/a",
    "#N/A",
    "<NA>",
    "NaT",
    r"\N",
)
"""Strings that stand for a missing cell. `none` is a value (an occupation, a material)."""
MISSING_OR_NA = (*MISSING, "NA")
"""Strings that stand for a missing id, number or time.

R writes missing cells as `NA`, which may be a value among words: a country, or sodium.
"""
_WHOLE_FLOAT = r"^(-?\d+)\.0$"

CURRENCY = (
    r"(?:\p{Sc}|\b(?:USD|EUR|GBP|CHF|JPY|CNY|INR|KRW|BRL|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RUB|TRY"
    r"|ZAR|MXN|SGD|HKD|zł|kr)\b)"
)
"""A currency sign or code beside a number."""

OBJECT_KEY = "{{{}}}"
"""The separator of a set that is written as objects: the key of the members."""


def raw_column(name: str) -> str:
    """A column's name in a frame of raw columns, which reserves `id` and the like for itself."""
    return f"{name} (raw)" if name in RESERVED else name


def source_column(feature: FeatureColumn) -> str:
    """The column with a feature's cells; the vectors of a frozen encoder have their own column."""
    return f"{feature.name} (frozen)" if feature.encoder else raw_column(feature.column)


def text(name: str, dtype: pl.DataType, missing: tuple[str, ...] = MISSING) -> pl.Expr:
    """A cell as a stripped string; null if it is missing.

    Whole floats lose their `.0`. The members of a list, such as paragraphs, are joined by spaces.

    Args:
        missing: Strings that stand for a missing cell.
    """
    column = pl.col(name)
    if isinstance(dtype, pl.List | pl.Array):
        column = _strings(column, dtype).list.join(" ", ignore_nulls=True)
    if dtype.is_float():
        whole = (column == column.round()) & (column.abs() < 2.0**53)
        return (
            pl.when(column.is_nan())
            .then(None)
            .when(whole)
            .then(column.cast(pl.Int64, strict=False).cast(pl.String))
            .otherwise(column.cast(pl.String))
        )
    if dtype == pl.Boolean:
        return pl.when(column).then(pl.lit("true")).when(~column).then(pl.lit("false"))
    string = column.cast(pl.String, strict=False).str.strip_chars()
    return pl.when(string.is_in(missing)).then(None).otherwise(string)


def identifier(name: str, dtype: pl.DataType, sample: pl.Series) -> pl.Expr:
    """A cell as an id: like `category`, with `NA` as missing."""
    return category(name, dtype, sample, MISSING_OR_NA)


def category(
    name: str, dtype: pl.DataType, sample: pl.Series, missing: tuple[str, ...] = MISSING
) -> pl.Expr:
    """A cell as a category: like `text`, but strings from a float column lose their `.0`.

    Args:
        sample: Cells of the column; if all of them are like `17.0`, it was a float column.
    """
    column = text(name, dtype, missing)
    if dtype == pl.String:
        known = sample.drop_nulls().str.strip_chars()
        if are_whole_floats(known.filter(~known.is_in(MISSING_OR_NA))):
            return strip_decimal_zero(column)
    return column


def are_whole_floats(known: pl.Series) -> bool:
    """Whether all strings are whole numbers that end in `.0`; False without strings."""
    return len(known) > 0 and known.str.contains(_WHOLE_FLOAT).all()


def strip_decimal_zero(column: pl.Expr) -> pl.Expr:
    """`17` for `17.0`; other strings stay."""
    return column.str.replace(_WHOLE_FLOAT, "$1")


def number(name: str, dtype: pl.DataType) -> pl.Expr:
    """A cell as a finite Float64, or null.

    Dates count as days since 1970. Currencies and thousands separators are ignored.
    """
    column = pl.col(name)
    if dtype.is_temporal():
        return column.cast(pl.Date, strict=False).cast(pl.Int32).cast(pl.Float64)
    value = column.cast(pl.Float64, strict=False)
    if dtype == pl.String:
        bare = (
            column.str.strip_chars()
            .str.replace(rf"^([-+]?)\s*{CURRENCY}\s*", "$1")
            .str.replace(rf"\s*{CURRENCY}$", "")
        )
        grouped = bare.str.contains(r"^[-+]?\d{1,3}(,\d{3})+(\.\d+)?$")
        bare = pl.when(grouped).then(bare.str.replace_all(",", "", literal=True)).otherwise(bare)
        days = (
            bare.str.head(10).str.to_date("%Y-%m-%d", strict=False).cast(pl.Int32).cast(pl.Float64)
        )
        value = pl.coalesce(bare.cast(pl.Float64, strict=False), days)
    return pl.when(value.is_finite()).then(value)


def members(name: str, dtype: pl.DataType, separator: str | None) -> pl.Expr:
    """A cell as a list of stripped strings: a list, or text split at `separator`; null if empty.

    Args:
        separator: `{name}` takes the values of the key `name` from objects that are written as
            text, such as `[{'id': 18, 'name': 'Drama'}]`.
    """
    column = pl.col(name)
    key = re.fullmatch(r"\{(\w+)\}", separator or "")
    if key and dtype == pl.String:
        return _values_of_key(column, key[1])
    if isinstance(dtype, pl.List | pl.Array):
        parts = _strings(column, dtype)
    else:
        # The brackets of lists in Python or JSON syntax: ['a', 'b'].
        bare = column.cast(pl.String).str.strip_chars().str.strip_chars("[]")
        parts = bare.str.split(separator or "|")
    cleaned = pl.element().str.strip_chars().str.strip_chars("'\"").str.strip_chars()
    parts = parts.list.eval(cleaned.filter(cleaned.is_not_null() & ~cleaned.is_in(MISSING)))
    return pl.when(parts.list.len() > 0).then(parts)


def _values_of_key(column: pl.Expr, key: str) -> pl.Expr:
    start = rf"['\"]{key}['\"]\s*:\s*"
    found = column.str.extract_all(rf"{start}(?:'[^']*'|\"[^\"]*\"|[^,}}\]]+)")
    value = pl.element().str.replace(f"^{start}", "").str.strip_chars().str.strip_chars("'\"")
    parts = found.list.eval(value.filter(~value.is_in(MISSING)))
    return pl.when(parts.list.len() > 0).then(parts)


def _strings(column: pl.Expr, dtype: pl.List | pl.Array) -> pl.Expr:
    """A list as a list of strings; nested lists, such as category paths, are flattened."""
    column = column.arr.to_list() if isinstance(dtype, pl.Array) else column
    if isinstance(dtype.inner, pl.List):
        column = column.list.eval(pl.element().explode(empty_as_null=False, keep_nulls=False))
    return column.cast(pl.List(pl.String), strict=False)


def vector(name: str, dtype: pl.DataType) -> pl.Expr:
    """A cell as a list of Float32: a list, an array, or the numbers in a text; null if empty."""
    column = pl.col(name)
    if isinstance(dtype, pl.Array):
        column = column.arr.to_list()
    elif not isinstance(dtype, pl.List):
        column = column.cast(pl.String).str.extract_all(
            r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
        )
    parts = column.cast(pl.List(pl.Float32), strict=False)
    return pl.when(parts.list.len() > 0).then(parts)
