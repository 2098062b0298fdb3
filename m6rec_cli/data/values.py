"""Raw cells of any type to ids, codes, numbers, times and lists, with missing cells as null.

All functions build Polars expressions, so that they run in a lazy plan as well as on a frame.
"""

from collections.abc import Sequence

import polars as pl

from m6rec_cli.schema import RESERVED, FeatureColumn

MISSING = (
    "", "nan", "NaN", "NAN", "NULL", "null", "Null", "None", "N/A", "n/a", "#N/A", "<NA>", "NaT",
)  # fmt: skip
"""Cells that mean nothing. A plain `none` is a value (an occupation, a material) and stays one."""
DATE_FORMATS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d",
                "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y",
                "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y",
                "%Y%m%d", "%m %d, %Y", "%d %b %Y", "%b %d, %Y", "%d-%b-%Y")  # fmt: skip
ZONE_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z")
_UNITS = {"s": 1000.0, "ms": 1.0, "us": 1e-3, "ns": 1e-6}


def raw_column(name: str) -> str:
    """A column's name in a frame of raw columns, where `id` and its like are the data directory's own."""
    return f"{name} (raw)" if name in RESERVED else name


def source(feature: FeatureColumn) -> str:
    """The column of a frame that a feature's values are read from; an encoder's vectors have one of their own."""
    return f"{feature.name} (frozen)" if feature.encoder else raw_column(feature.column)


def text(name: str, dtype: pl.DataType) -> pl.Expr:
    """A cell as a string without outer spaces; null where it is missing. Whole floats lose their `.0`."""
    column = pl.col(name)
    if dtype.is_float():
        whole = (column == column.round()) & (column.abs() < 2.0**53)
        return (pl.when(column.is_nan()).then(None)
                .when(whole).then(column.cast(pl.Int64, strict=False).cast(pl.String))
                .otherwise(column.cast(pl.String)))  # fmt: skip
    if dtype == pl.Boolean:
        return pl.when(column).then(pl.lit("true")).when(~column).then(pl.lit("false"))
    string = column.cast(pl.String, strict=False).str.strip_chars()
    return pl.when(string.is_in(MISSING)).then(None).otherwise(string)


def identifier(name: str, dtype: pl.DataType, sample: pl.Series) -> pl.Expr:
    """A cell as an id. Text that is `17.0` throughout comes from a float column and becomes `17`."""
    column = text(name, dtype)
    if dtype == pl.String:
        known = sample.drop_nulls().str.strip_chars()
        known = known.filter(~known.is_in(MISSING))
        if len(known) and known.str.contains(r"^\d+\.0$").all():
            return column.str.replace(r"\.0$", "")
    return column


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
            column.str.strip_chars().str.replace(r"^([-+]?)\s*[$€£¥]\s*", "$1").str.replace(r"\s*[$€£¥]$", "")
        )
        grouped = bare.str.contains(r"^[-+]?\d{1,3}(,\d{3})+(\.\d+)?$")
        bare = pl.when(grouped).then(bare.str.replace_all(",", "", literal=True)).otherwise(bare)
        days = bare.str.head(10).str.to_date("%Y-%m-%d", strict=False).cast(pl.Int32).cast(pl.Float64)
        value = pl.coalesce(bare.cast(pl.Float64, strict=False), days)
    return pl.when(value.is_finite()).then(value)


def timestamp(name: str, dtype: pl.DataType, form: str, sample: pl.Series) -> pl.Expr:
    """A cell as Int64 milliseconds since 1970 (UTC), or the plain number if `form` is `order`.

    Args:
        form: `Schema.timestamp_format`.
        sample: Values of the column that decide units and date formats when `form` is `auto`.
    """
    column = pl.col(name)
    if dtype.is_temporal() and form != "order":
        return (column.cast(pl.Datetime("ms")) if dtype == pl.Date else column).dt.timestamp("ms")
    value = column.cast(pl.Float64, strict=False)
    if form == "order":
        return value.round().cast(pl.Int64, strict=False)
    if form in _UNITS:
        return (value * _UNITS[form]).round().cast(pl.Int64, strict=False)
    if form != "auto":
        return _dates(column, [form], "%z" in form or "%#z" in form)
    numbers = sample.cast(pl.Float64, strict=False)
    if numbers.null_count() < len(sample) / 2 and not compact_dates(sample):
        return (value * _UNITS[epoch_unit(numbers)]).round().cast(pl.Int64, strict=False)
    column = column.cast(pl.String).str.strip_chars().str.replace(r"^(\d{8})\.0$", "$1")
    zoned = column.str.contains(r"(?:Z|[+-]\d\d:?\d\d)$")
    plain = _dates(column, date_formats(sample.cast(pl.String)), False)
    return pl.when(zoned).then(_dates(column, ZONE_FORMATS, True)).otherwise(plain)


def epoch_unit(numbers: pl.Series) -> str:
    """The unit of epoch numbers by magnitude: seconds stay below 1e11 until the year 5138."""
    middle = numbers.drop_nulls().median()
    size = abs(float(middle)) if isinstance(middle, int | float) else 0.0
    return "s" if size < 1e11 else "ms" if size < 1e14 else "us" if size < 1e17 else "ns"


def compact_dates(sample: pl.Series) -> bool:
    """Whether numbers such as 20111209 are dates."""
    string = sample.drop_nulls().cast(pl.String).str.strip_chars().str.replace(r"\.0$", "")
    if not len(string) or not string.str.contains(r"^(19[7-9]\d|20\d\d)\d{4}$").all():
        return False
    return string.str.to_date("%Y%m%d", strict=False).null_count() == 0


def date_formats(sample: pl.Series) -> list[str]:
    """The formats that parse a value of the sample, the most successful first; ties keep the list's order."""
    known = sample.drop_nulls().str.strip_chars().str.replace(r"^(\d{8})\.0$", "$1")
    hits = {form: len(known) - _parse(known, form).null_count() for form in DATE_FORMATS}
    found = sorted((form for form in DATE_FORMATS if hits[form]), key=lambda form: -hits[form])
    return found or list(DATE_FORMATS[:5])


def _parse(values: pl.Series, form: str) -> pl.Series:
    return pl.select(pl.lit(values).str.to_datetime(form, strict=False, time_unit="ms")).to_series()


def _dates(column: pl.Expr, forms: Sequence[str], zoned: bool) -> pl.Expr:
    zone = "UTC" if zoned else None
    tries = [column.str.to_datetime(f, strict=False, time_unit="ms", time_zone=zone) for f in forms]
    return pl.coalesce(tries).cast(pl.Int64)


def members(name: str, dtype: pl.DataType, separator: str | None) -> pl.Expr:
    """A cell as a list of strings: lists as they are, text split at `separator`; null if nothing is left."""
    column = pl.col(name)
    if isinstance(dtype, pl.List | pl.Array):
        column = column.arr.to_list() if isinstance(dtype, pl.Array) else column
        if isinstance(dtype.inner, pl.List):  # paths of categories: one flat set
            column = column.list.eval(pl.element().explode(empty_as_null=False, keep_nulls=False))
        parts = column.cast(pl.List(pl.String), strict=False)
    else:
        # Lists written out as Python or JSON do: ['a', 'b'].
        bare = column.cast(pl.String).str.strip_chars().str.strip_chars("[]")
        parts = bare.str.split(separator or "|")
    cleaned = pl.element().str.strip_chars().str.strip_chars("'\"").str.strip_chars()
    parts = parts.list.eval(cleaned.filter(cleaned.is_not_null() & ~cleaned.is_in(MISSING)))
    return pl.when(parts.list.len() > 0).then(parts)


def vector(name: str, dtype: pl.DataType) -> pl.Expr:
    """A cell as a list of Float32: lists, arrays, or text with numbers between spaces, commas or brackets."""
    column = pl.col(name)
    if isinstance(dtype, pl.Array):
        return column.arr.to_list().cast(pl.List(pl.Float32), strict=False)
    if isinstance(dtype, pl.List):
        return column.cast(pl.List(pl.Float32), strict=False)
    found = column.cast(pl.String).str.extract_all(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
    parts = found.cast(pl.List(pl.Float32), strict=False)
    return pl.when(parts.list.len() > 0).then(parts)
