"""Cells to times: which unit or which of the usual ways of writing a date a column has."""

from collections.abc import Sequence

import polars as pl

from m6rec_cli.preprocessing.columns.cell_values import NO_WORD
from m6rec_cli.preprocessing.tables import Table

DATE_FORMATS = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %I:%M %p",
    "%d/%m/%Y %I:%M:%S %p",
    "%d/%m/%Y %I:%M %p",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d-%m-%Y %H:%M:%S",
    "%d-%m-%Y %H:%M",
    "%d-%m-%Y",
    "%m-%d-%Y %H:%M:%S",
    "%m-%d-%Y %H:%M",
    "%m-%d-%Y",
    "%Y%m%d",
    "%Y%m%d%H%M%S",
    "%Y%m%d%H%M",
    "%m %d, %Y",
    "%d %b %Y",
    "%b %d, %Y",
    "%d-%b-%Y",
)
ZONE_FORMATS = (
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%dT%H:%M%#z",
    "%Y-%m-%d %H:%M%#z",
)

ORDERS = ("day-first", "month-first")
"""How the formats are read that begin with the day or the month as a number, and could be mistaken for each other."""

_UNITS = {"s": 1000.0, "ms": 1.0, "us": 1e-3, "ns": 1e-6}
_COMPACT = r"^(19[7-9]\d|20\d\d)\d{4}(\d{4}|\d{6})?$"
_DAY_OR_MONTH = r"^\d{1,2}[-/.]\d{1,2}[-/.]\d{4}"
_SHORT_YEAR = r"^(\d{1,2})[/.]\d{1,2}[/.](\d{2})(?:\s|$)"
"""Not with dashes, where the year comes first more often than last."""


def timestamp(name: str, dtype: pl.DataType, form: str, sample: pl.Series) -> pl.Expr:
    """A cell as Int64 milliseconds since 1970 (UTC), or the place in the order if `form` is that: the number, or its rank in the
    column where the sample has fractions.

    Args:
        form: `Schema.timestamp_format`.
        sample: Values of the column that tell numbers from dates where `form` is `auto`, and the ways of writing dates
            where it is that or one of `ORDERS`.

    Raises:
        pl.exceptions.PolarsError: When it is evaluated, if `form` is no pattern.
    """
    column = pl.col(name)
    if dtype.is_temporal() and form != "order":
        return (column.cast(pl.Datetime("ms")) if dtype == pl.Date else column).dt.timestamp("ms")
    value = column.cast(pl.Float64, strict=False)
    if form == "order":
        return _order(value, sample)
    if form in _UNITS:
        return (value * _UNITS[form]).round().cast(pl.Int64, strict=False)
    if form == "auto" and are_numbers(sample):
        return _epoch(value).round().cast(pl.Int64, strict=False)
    written = _written(column, short=form in ("auto", *ORDERS) and _have_short_years(sample))
    if form not in ("auto", *ORDERS):
        if any(part in form for part in ("UTC", "GMT", " %z", " %:z", " %#z")):
            written = column.cast(
                pl.String
            ).str.strip_chars()  # the pattern has what is left out elsewhere
        return _parsed(written, [form], zoned=any(zone in form for zone in ("%z", "%:z", "%#z")))
    zoned = written.str.contains(r":\d\d(?:\.\d+)?(?:Z|[+-]\d\d(?::?\d\d)?)$")
    plain = _parsed(written, date_formats(sample, form), zoned=False)
    return pl.when(zoned).then(_parsed(written, ZONE_FORMATS, zoned=True)).otherwise(plain)


def are_numbers(sample: pl.Series) -> bool:
    """Whether most known cells are numbers, and not dates such as 20111209."""
    if sample.dtype.is_nested():
        return False
    numbers = _known(sample, short=False).cast(pl.Float64, strict=False)
    return numbers.null_count() < len(numbers) / 2 and not _are_compact(sample)


def settled(table: Table, name: str) -> tuple[str, str | None]:
    """What `auto` means for a column in which day and month could be mistaken for each other.

    The first lines of a log by time may all lie in the first days of a month, so the whole column decides.

    Returns:
        One of `ORDERS`, and a warning if the other reads as many cells; or `auto` and nothing.
    """
    sample = table.head()[name]
    if sample.dtype.is_temporal() or sample.dtype.is_nested() or are_numbers(sample):
        return "auto", None
    known = _series(sample)
    alike = known.str.contains(_DAY_OR_MONTH).mean()
    if not isinstance(alike, float) or alike < 0.5:
        return "auto", None
    first = next((form for form in _by_hits(known) if form in _MISTAKEN), None)
    if first is None:
        return "auto", None
    orders = ORDERS if first.startswith("%d") else ORDERS[::-1]
    written = _written(pl.col(name), short=_have_short_years(sample))
    a, b = (
        table.frame.select(
            _parsed(written, date_formats(sample, order), zoned=False).null_count().alias(order)
            for order in orders
        )
        .collect(engine="streaming")
        .row(0)
    )
    if a == b:
        return orders[0], (
            f"day and month of `{name}` cannot be told apart; read as {orders[0]} (`timestamp_format` in the "
            "schema)"
        )
    return orders[0] if a < b else orders[1], None


def date_formats(sample: pl.Series, order: str = "auto") -> list[str]:
    """The formats that parse a value of the sample, the most successful first; ties keep the list's order.

    Of those that could be mistaken for each other the ones of one order alone are kept: with both, each cell would be read by
    whichever fits.

    Args:
        order: One of `ORDERS`, whose formats are kept; `auto` for that of the most successful one. An order that is known also has
            the lengths that the sample has not, such as midnight left out.
    """
    begin = {"day-first": "%d", "month-first": "%m"}.get(order, "")
    found: list[str] = []
    for form in _by_hits(_series(sample)):
        if form in _MISTAKEN:
            begin = begin or form[:2]
            if not form.startswith(begin):
                continue
        found.append(form)
    if order != "auto":
        dates = {form[: len(_DATE)] for form in found if form in _MISTAKEN}
        found += [
            form
            for form in DATE_FORMATS
            if form in _MISTAKEN
            and form.startswith(begin)
            and form not in found
            and (form[: len(_DATE)] in dates or not dates)
        ]
    return found or list(DATE_FORMATS[:5])


def _by_hits(known: pl.Series) -> list[str]:
    misses = {form: _misses(known, form) for form in DATE_FORMATS}
    return sorted(
        (form for form in DATE_FORMATS if misses[form] < len(known)), key=lambda form: misses[form]
    )


def _misses(known: pl.Series, form: str) -> int:
    return pl.select(_parsed(pl.lit(known), [form], zoned=False)).to_series().null_count()


def _mistaken(a: str, b: str) -> bool:
    return {a[:2], b[:2]} == {"%d", "%m"} and sorted(a) == sorted(b)


_DATE = "%d/%m/%Y"
_MISTAKEN = {form for form in DATE_FORMATS if any(_mistaken(form, other) for other in DATE_FORMATS)}


def _epoch(value: pl.Expr) -> pl.Expr:
    """A number of seconds or of a smaller unit as milliseconds; seconds stay below 1e11 until the year 5138."""
    size = value.abs()
    return (
        pl.when(size < 1e11)
        .then(value * _UNITS["s"])
        .when(size < 1e14)
        .then(value)
        .when(size < 1e17)
        .then(value * _UNITS["us"])
        .otherwise(value * _UNITS["ns"])
    )


def has_fractions(sample: pl.Series) -> bool:
    """Whether an order is not of whole numbers: days of a spreadsheet, or a time that is scaled to 0..1."""
    numbers = sample.cast(pl.Float64, strict=False)
    return bool((numbers != numbers.round()).any())


def _order(value: pl.Expr, sample: pl.Series) -> pl.Expr:
    if has_fractions(sample):
        return pl.when(value.is_finite()).then(value).rank("dense").cast(pl.Int64)
    return value.round().cast(pl.Int64, strict=False)


def _are_compact(sample: pl.Series) -> bool:
    string = _series(sample)
    if not len(string) or not string.str.contains(_COMPACT).all():
        return False
    return string.str.head(8).str.to_date("%Y%m%d", strict=False).null_count() == 0


def _have_short_years(sample: pl.Series) -> bool:
    """Whether most cells are dates that end in a year of two digits, as `12/1/10 8:26`.

    Those that begin with it (`24/01/15`) would be read as days of other years: they are told by a first number that is no month
    and stays the same while the last one changes.
    """
    cells = _known(sample, short=False)
    parts = cells.str.extract_groups(_SHORT_YEAR).struct.unnest().drop_nulls().cast(pl.Int64)
    if len(parts) < max(1, len(cells) / 2):
        return False
    first, last = parts.get_columns()
    return bool((first <= 12).all()) or first.n_unique() >= last.n_unique()


def _written(column: pl.Expr, *, short: bool) -> pl.Expr:
    """A cell as text: whole floats without `.0`, no `UTC` at the end, no space before an offset.

    Args:
        short: Write years of two digits with four: 00 to 69 are of this century.
    """
    text = column.cast(pl.String).str.strip_chars()
    text = text.str.replace(r"^(\d{8}|\d{12}|\d{14})\.0$", "$1").str.replace(r"\s*(?:UTC|GMT)$", "")
    text = text.str.replace(r"(:\d\d(?:\.\d+)?)\s+([+-]\d\d(?::?\d\d)?)$", "$1$2")
    if not short:
        return text
    for digits, century in (("[0-6]", "20"), ("[7-9]", "19")):
        text = text.str.replace(
            rf"^(\d{{1,2}}[/.]\d{{1,2}}[/.])({digits}\d)(\s|$)", f"${{1}}{century}${{2}}${{3}}"
        )
    return text


def _series(sample: pl.Series) -> pl.Series:
    return _known(sample, short=_have_short_years(sample))


def _known(sample: pl.Series, *, short: bool) -> pl.Series:
    known = pl.select(_written(pl.lit(sample.drop_nulls()), short=short)).to_series()
    return known.filter(~known.is_in(NO_WORD))


def _parsed(text: pl.Expr, forms: Sequence[str], *, zoned: bool) -> pl.Expr:
    zone = "UTC" if zoned else None
    tries = [text.str.to_datetime(f, strict=False, time_unit="ms", time_zone=zone) for f in forms]
    return pl.coalesce(tries).cast(pl.Int64)
