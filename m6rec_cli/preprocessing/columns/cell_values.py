"""Raw cells of any type to ids, codes, numbers and lists, with missing cells as null; see `times` for times.

All functions build Polars expressions, so that they run in a lazy plan as well as on a frame.
"""

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
"""Cells that mean nothing. A plain `none` is a value (an occupation, a material) and stays one."""
NO_WORD = (*MISSING, "NA")
"""Cells that mean nothing among ids, numbers and times: what R writes is a country, or sodium, where words may stand."""
_WHOLE_FLOAT = r"^(-?\d+)\.0$"

_CURRENCY = r"(?:\p{Sc}|\b(?:USD|EUR|GBP|CHF|JPY|CNY|INR|KRW|BRL|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RUB|TRY|ZAR|MXN|SGD|HKD|zł|kr)\b)"


def raw_column(name: str) -> str:
    """A column's name in a frame of raw columns, where `id` and its like are the data directory's own."""
    return f"{name} (raw)" if name in RESERVED else name


def source(feature: FeatureColumn) -> str:
    """The column of a frame that a feature's values are read from; an encoder's vectors have one of their own."""
    return f"{feature.name} (frozen)" if feature.encoder else raw_column(feature.column)


def text(name: str, dtype: pl.DataType, missing: tuple[str, ...] = MISSING) -> pl.Expr:
    """A cell as a string without outer spaces; null where it is missing, which the words `missing` say.

    Whole floats lose their `.0`; the members of a list (its paragraphs, say) are joined by spaces.
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
    """A cell as an id: as `category`, and R's `NA` is none."""
    return category(name, dtype, sample, NO_WORD)


def category(
    name: str, dtype: pl.DataType, sample: pl.Series, missing: tuple[str, ...] = MISSING
) -> pl.Expr:
    """A cell as a code. Text that is `17.0` throughout the sample comes from a float column and becomes `17`."""
    column = text(name, dtype, missing)
    if dtype == pl.String:
        known = sample.drop_nulls().str.strip_chars()
        if are_whole_floats(known.filter(~known.is_in(NO_WORD))):
            return without_point(column)
    return column


def are_whole_floats(known: pl.Series) -> bool:
    """Whether all strings are whole numbers that end in `.0`, and there are some."""
    return len(known) > 0 and known.str.contains(_WHOLE_FLOAT).all()


def without_point(column: pl.Expr) -> pl.Expr:
    """Strings with `17` for `17.0`."""
    return column.str.replace(_WHOLE_FLOAT, "$1")


def number(name: str, dtype: pl.DataType) -> pl.Expr:
    """A cell as Float64; a date is its days since 1970, currency signs and thousands commas are ignored.

    What is no finite number is null.
    """
    column = pl.col(name)
    if dtype.is_temporal():
        return column.cast(pl.Date, strict=False).cast(pl.Int32).cast(pl.Float64)
    value = column.cast(pl.Float64, strict=False)
    if dtype == pl.String:
        bare = (
            column.str.strip_chars()
            .str.replace(rf"^([-+]?)\s*{_CURRENCY}\s*", "$1")
            .str.replace(rf"\s*{_CURRENCY}$", "")
        )
        grouped = bare.str.contains(r"^[-+]?\d{1,3}(,\d{3})+(\.\d+)?$")
        bare = pl.when(grouped).then(bare.str.replace_all(",", "", literal=True)).otherwise(bare)
        days = (
            bare.str.head(10).str.to_date("%Y-%m-%d", strict=False).cast(pl.Int32).cast(pl.Float64)
        )
        value = pl.coalesce(bare.cast(pl.Float64, strict=False), days)
    return pl.when(value.is_finite()).then(value)


def members(name: str, dtype: pl.DataType, separator: str | None) -> pl.Expr:
    """A cell as a list of strings: lists as they are, text split at `separator`; null if nothing is left."""
    column = pl.col(name)
    if isinstance(dtype, pl.List | pl.Array):
        parts = _strings(column, dtype)
    else:
        # Lists written out as Python or JSON do: ['a', 'b'].
        bare = column.cast(pl.String).str.strip_chars().str.strip_chars("[]")
        parts = bare.str.split(separator or "|")
    cleaned = pl.element().str.strip_chars().str.strip_chars("'\"").str.strip_chars()
    parts = parts.list.eval(cleaned.filter(cleaned.is_not_null() & ~cleaned.is_in(MISSING)))
    return pl.when(parts.list.len() > 0).then(parts)


def _strings(column: pl.Expr, dtype: pl.List | pl.Array) -> pl.Expr:
    """A list as one of strings; lists in it, such as paths of categories, become one."""
    column = column.arr.to_list() if isinstance(dtype, pl.Array) else column
    if isinstance(dtype.inner, pl.List):
        column = column.list.eval(pl.element().explode(empty_as_null=False, keep_nulls=False))
    return column.cast(pl.List(pl.String), strict=False)


def vector(name: str, dtype: pl.DataType) -> pl.Expr:
    """A cell as a list of Float32: lists, arrays, or text with numbers between spaces, commas or brackets; null if empty."""
    column = pl.col(name)
    if isinstance(dtype, pl.Array):
        column = column.arr.to_list()
    elif not isinstance(dtype, pl.List):
        column = column.cast(pl.String).str.extract_all(
            r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
        )
    parts = column.cast(pl.List(pl.Float32), strict=False)
    return pl.when(parts.list.len() > 0).then(parts)
