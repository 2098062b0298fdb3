"""The `--positive` expression to a boolean Polars expression over the raw columns.

It is SQL as Polars parses it, with two liberties that shells and Python teach: `==`, and strings in double
quotes. Nothing is evaluated as code.
"""

import re

import polars as pl

from m6rec_cli.data import values
from m6rec_cli.data.tables import Table
from m6rec_cli.errors import M6RecError, nearest

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
        r'"([^"]*)"', lambda m: m[0] if m[1] in columns else "'" + m[1].replace("'", "''") + "'", text
    )
    try:
        expression = pl.sql_expr(quoted)
        names = set(expression.meta.root_names())
    except pl.exceptions.PolarsError as error:
        raise M6RecError(f"the expression cannot be read: {error}", where=where, hint=_HINT) from None
    for name in sorted(names):
        if name not in columns:
            raise M6RecError(
                f"`{name}` is no column of the interactions", where=where, hint=nearest(name, columns)
            )
    if not names:
        raise M6RecError("the expression names no column", where=where, hint=_HINT)
    head = table.frame.head(10_000).select(names).collect()
    failure: Exception | None = None
    for read_numbers in (True, False):
        inputs = {n: _input(n, columns[n], head[n], read_numbers) for n in names}
        tried = head.lazy().with_columns(**inputs).select(expression.alias("label"))
        try:
            result = tried.collect()
        except pl.exceptions.PolarsError as error:
            failure = failure or error
            continue
        if result["label"].dtype != pl.Boolean or len(result) != len(head):
            raise M6RecError("the expression is not true or false for each event", where=where, hint=_HINT)
        return _substitute(expression, inputs).fill_null(False)
    raise M6RecError(f"the expression does not fit the columns: {str(failure).splitlines()[0]}", where=where,
                     hint=_HINT)  # fmt: skip


def _input(name: str, dtype: pl.DataType, head: pl.Series, read_numbers: bool) -> pl.Expr:
    """Text columns hold numbers if all their values are; an event called `1` is compared as text if that fails."""
    if dtype != pl.String:
        return pl.col(name)
    parsed = head.to_frame().select(text=values.text(name, dtype), number=values.number(name, dtype))
    known = parsed["text"].is_not_null()
    all_numbers = bool(known.any()) and bool(parsed["number"].is_not_null().filter(known).all())
    return values.number(name, dtype) if read_numbers and all_numbers else values.text(name, dtype)


def _substitute(expression: pl.Expr, inputs: dict[str, pl.Expr]) -> pl.Expr:
    """The expression over the parsed inputs, as one expression for a lazy plan."""
    fields = pl.struct([inputs[name].alias(name) for name in sorted(inputs)])
    return fields.map_batches(
        lambda s: s.struct.unnest().select(expression.alias("label"))["label"], return_dtype=pl.Boolean
    )
