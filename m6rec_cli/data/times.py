"""Cells to times: which unit or which of the usual ways of writing a date a column has."""

from collections.abc import Sequence

import polars as pl

from m6rec_cli.data.tables import Table
from m6rec_cli.data.values import MISSING

DATE_FORMATS = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d",
                "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y",
                "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p",
                "%d/%m/%Y %I:%M:%S %p", "%d/%m/%Y %I:%M %p", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y",
                "%d-%m-%Y %H:%M:%S", "%d-%m-%Y %H:%M", "%d-%m-%Y", "%m-%d-%Y %H:%M:%S", "%m-%d-%Y %H:%M", "%m-%d-%Y",
                "%Y%m%d", "%Y%m%d%H%M%S", "%m %d, %Y", "%d %b %Y", "%b %d, %Y", "%d-%b-%Y")  # fmt: skip
ZONE_FORMATS = (
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%dT%H:%M%#z",
    "%Y-%m-%d %H:%M%#z",
)

_UNITS = {"s": 1000.0, "ms": 1.0, "us": 1e-3, "ns": 1e-6}
_COMPACT = r"^(19[7-9]\d|20\d\d)\d{4}(\d{6})?$"
_DAY_OR_MONTH = r"^\d{1,2}[-/.]\d{1,2}[-/.]\d{4}"


def timestamp(name: str, dtype: pl.DataType, form: str, sample: pl.Series) -> pl.Expr:
    """A cell as Int64 milliseconds since 1970 (UTC), or the plain number if `form` is `order`.

    Args:
        form: `Schema.timestamp_format`.
        sample: Values of the column that decide between numbers and dates when `form` is `auto`.

    Raises:
        pl.exceptions.PolarsError: When it is evaluated, if `form` is no pattern.
    """
    column = pl.col(name)
    if dtype.is_temporal() and form != "order":
        return (column.cast(pl.Datetime("ms")) if dtype == pl.Date else column).dt.timestamp("ms")
    value = column.cast(pl.Float64, strict=False)
    if form == "order":
        return value.round().cast(pl.Int64, strict=False)
    if form in _UNITS:
        return (value * _UNITS[form]).round().cast(pl.Int64, strict=False)
    if form == "auto" and are_numbers(sample):
        return _epoch(value).round().cast(pl.Int64, strict=False)
    written = _written(column)
    if form != "auto":
        if any(part in form for part in ("UTC", "GMT", " %z", " %:z", " %#z")):
            written = column.cast(pl.String).str.strip_chars()  # the pattern has what is left out elsewhere
        return _parsed(written, [form], zoned=any(zone in form for zone in ("%z", "%:z", "%#z")))
    zoned = written.str.contains(r":\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)$")
    plain = _parsed(written, date_formats(sample), zoned=False)
    return pl.when(zoned).then(_parsed(written, ZONE_FORMATS, zoned=True)).otherwise(plain)


def are_numbers(sample: pl.Series) -> bool:
    """Whether most cells are numbers, and not dates such as 20111209."""
    numbers = sample.cast(pl.Float64, strict=False)
    return numbers.null_count() < len(sample) / 2 and not _are_compact(sample)


def settled(table: Table, name: str) -> tuple[str, str | None]:
    """What `auto` means for a column in which day and month could be mistaken for each other.

    The first lines of a log by time may all lie in the first days of a month, so the whole column decides.

    Returns:
        The pattern, and a warning if another one reads as many cells; or `auto` and nothing.
    """
    sample = table.head()[name]
    if sample.dtype.is_temporal() or are_numbers(sample):
        return "auto", None
    known = _series(sample)
    if not len(known) or not known.str.contains(_DAY_OR_MONTH).all():
        return "auto", None
    found = _by_hits(known)
    if not found:
        return "auto", None
    first = found[0]
    rival = next((form for form in found[1:] if _mistaken(form, first)), None)
    if rival is None or _misses(known, rival) > _misses(known, first):
        return first, None
    written = _written(pl.col(name))
    misses = table.frame.select(
        _parsed(written, [form], zoned=False).null_count().alias(form) for form in (first, rival)
    ).collect(engine="streaming")  # fmt: skip
    a, b = misses.row(0)
    if a == b:
        return (
            first,
            f"day and month of `{name}` cannot be told apart; read as {first} (`timestamp_format` in the schema)",
        )
    return (first, None) if a < b else (rival, None)


def date_formats(sample: pl.Series) -> list[str]:
    """The formats that parse a value of the sample, the most successful first; ties keep the list's order.

    Of two that differ in the places of day and month the first alone is kept: with both, each cell would be read by whichever fits.
    """
    found: list[str] = []
    for form in _by_hits(_series(sample)):
        if not any(_mistaken(form, other) for other in found):
            found.append(form)
    return found or list(DATE_FORMATS[:5])


def _by_hits(known: pl.Series) -> list[str]:
    misses = {form: _misses(known, form) for form in DATE_FORMATS}
    return sorted((form for form in DATE_FORMATS if misses[form] < len(known)), key=lambda form: misses[form])


def _misses(known: pl.Series, form: str) -> int:
    return pl.select(_parsed(pl.lit(known), [form], zoned=False)).to_series().null_count()


def _mistaken(a: str, b: str) -> bool:
    return a != b and sorted(a) == sorted(b)


def _epoch(value: pl.Expr) -> pl.Expr:
    """A number of seconds or of a smaller unit as milliseconds; seconds stay below 1e11 until the year 5138."""
    size = value.abs()
    return (pl.when(size < 1e11).then(value * _UNITS["s"]).when(size < 1e14).then(value)
            .when(size < 1e17).then(value * _UNITS["us"]).otherwise(value * _UNITS["ns"]))  # fmt: skip


def _are_compact(sample: pl.Series) -> bool:
    string = _series(sample)
    if not len(string) or not string.str.contains(_COMPACT).all():
        return False
    return string.str.head(8).str.to_date("%Y%m%d", strict=False).null_count() == 0


def _written(column: pl.Expr) -> pl.Expr:
    """A cell as text: whole floats without `.0`, no `UTC` at the end, no space before an offset."""
    text = column.cast(pl.String).str.strip_chars()
    text = text.str.replace(r"^(\d{8}|\d{14})\.0$", "$1").str.replace(r"\s*(?:UTC|GMT)$", "")
    return text.str.replace(r"\s+([+-]\d\d:?\d\d)$", "$1")


def _series(sample: pl.Series) -> pl.Series:
    known = pl.select(_written(pl.lit(sample.drop_nulls()))).to_series()
    return known.filter(~known.is_in(MISSING))


def _parsed(text: pl.Expr, forms: Sequence[str], *, zoned: bool) -> pl.Expr:
    zone = "UTC" if zoned else None
    tries = [text.str.to_datetime(f, strict=False, time_unit="ms", time_zone=zone) for f in forms]
    return pl.coalesce(tries).cast(pl.Int64)
