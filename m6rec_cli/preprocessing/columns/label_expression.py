"""The `--positive` expression to a boolean Polars expression over the raw columns.

It is SQL as Polars parses it, with two liberties that shells and Python teach: `==`, and strings in double
quotes. Nothing is evaluated as code.
"""

import itertools
import re
from collections.abc import Iterator

import polars as pl

from m6rec_cli.preprocessing.columns import cell_values
from m6rec_cli.preprocessing.tables import Table
from m6rec_cli.system.errors import M6RecError, nearest

_MOST_READINGS = 64
_TIME = r"'(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d)?(\.\d+)?Z?'"
_HINT = "for instance `--positive 'rating >= 4'` or `--positive 'event == \"buy\"'`"


def label(table: Table, text: str) -> pl.Expr:
    """Whether a raw event is a labelled one; missing cells make it unlabelled.

    Raises:
        M6RecError: The expression cannot be parsed, names an unknown column, or is not true or false.
    """
    where = f"--positive '{text}'"
    columns = table.schema
    # A double-quoted word that is no column is a string.
    quoted = re.sub(
        r'"([^"]*)"',
        lambda m: m[0] if m[1] in columns else "'" + m[1].replace("'", "''") + "'",
        text,
    )
    if any(
        columns[name].is_temporal()
        for name in columns
        if re.search(rf"\b{re.escape(name)}\b", quoted)
    ):
        quoted = re.sub(_TIME, _as_iso, quoted)
    try:
        expression = pl.sql_expr(quoted)
        names = set(expression.meta.root_names())
    except pl.exceptions.PolarsError as error:
        raise M6RecError(
            f"the expression cannot be read: {error}", where=where, hint=_HINT
        ) from None
    for name in sorted(names):
        if name not in columns:
            raise M6RecError(
                f"`{name}` is no column of the interactions",
                where=where,
                hint=nearest(name, columns),
            )
    if not names:
        raise M6RecError("the expression names no column", where=where, hint=_HINT)
    head = table.frame.head(10_000).select(names).collect()
    failure: Exception | None = None
    spells_booleans = re.search(r"'(?:true|false)'", quoted, re.IGNORECASE) is not None
    ways = {n: _ways(n, columns[n], head[n], spells_booleans) for n in sorted(names)}
    for inputs in _readings(ways):
        tried = head.lazy().with_columns(**inputs).select(expression.alias("label"))
        try:
            result = tried.collect()
        except pl.exceptions.PolarsError as error:
            failure = failure or error
            continue
        if result["label"].dtype != pl.Boolean or len(result) != len(head):
            raise M6RecError(
                "the expression is not true or false for each event", where=where, hint=_HINT
            )
        return _substitute(expression, inputs).fill_null(False)
    raise M6RecError(
        f"the expression does not fit the columns: {str(failure).splitlines()[0]}",
        where=where,
        hint=_HINT,
    )


def _readings(ways: dict[str, list[pl.Expr]]) -> Iterator[dict[str, pl.Expr]]:
    """Each column in one of its ways, the first ways first; where there are too many, the last of every column at the end."""
    every = itertools.product(*ways.values())
    for chosen in itertools.islice(every, _MOST_READINGS):
        yield dict(zip(ways, chosen, strict=True))
    yield {name: found[-1] for name, found in ways.items()}


def _ways(name: str, dtype: pl.DataType, head: pl.Series, spells_booleans: bool) -> list[pl.Expr]:
    """How a column can be read: text as numbers or as true and false if all its values are, dates as ISO text if need be.

    Args:
        spells_booleans: The expression has 'true' or 'false' as text. Polars compares what is true with the text `true` without a
            word, so a cell `True` would not be found: text is tried first then.
    """
    if dtype.is_temporal():
        return [pl.col(name), _iso(name, dtype)]
    if dtype != pl.String:
        return [pl.col(name)]
    as_text, as_number = cell_values.text(name, dtype), cell_values.number(name, dtype)
    parsed = head.to_frame().select(text=as_text, number=as_number)
    parsed = parsed.filter(~pl.col("text").is_in(cell_values.NO_WORD))
    if parsed.is_empty():
        return [as_text]
    if parsed["number"].null_count() == 0:
        return [as_number, as_text]
    lower = as_text.str.to_lowercase()
    if parsed["text"].str.to_lowercase().is_in(["true", "false"]).all():
        as_boolean = pl.when(lower.is_in(["true", "false"])).then(lower == "true")
        return [as_text, as_boolean] if spells_booleans else [as_boolean, as_text]
    return [as_text]


def _as_iso(time: re.Match[str]) -> str:
    """A time in quotes as `_iso` writes it."""
    date, minute, second, fraction = time.groups()
    clock = minute + (second or ":00") + (fraction or "")
    return f"'{date}'" if clock == "00:00:00" else f"'{date} {clock}'"


def _iso(name: str, dtype: pl.DataType) -> pl.Expr:
    """Dates and times as ISO text; midnight is the date alone, so that `= '2024-01-31'` finds it."""
    if dtype == pl.Date:
        return pl.col(name).dt.strftime("%Y-%m-%d")
    return pl.col(name).dt.strftime("%Y-%m-%d %H:%M:%S%.f").str.replace(r" 00:00:00$", "")


def _substitute(expression: pl.Expr, inputs: dict[str, pl.Expr]) -> pl.Expr:
    """The expression over the parsed inputs, as one expression for a lazy plan."""
    fields = pl.struct([inputs[name].alias(name) for name in sorted(inputs)])
    return fields.map_batches(
        lambda s: s.struct.unnest().select(expression.alias("label"))["label"],
        return_dtype=pl.Boolean,
    )
