"""The `--positive` expression to a boolean Polars expression over the raw columns.

The language is Polars SQL; `==` and strings in double quotes are also accepted. Nothing is
evaluated as Python code.
"""

import itertools
import re
from collections.abc import Iterator

import polars as pl

from m6rec_cli.preprocessing.columns import cell_values
from m6rec_cli.preprocessing.columns.label_functions import require_label_functions
from m6rec_cli.preprocessing.tables import Table
from m6rec_cli.system.errors import M6RecError, nearest_hint

_MOST_COMBINATIONS = 64
_TIME = r"'(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d)?(\.\d+)?Z?'"
_HINT = "for instance `--positive 'rating >= 4'` or `--positive 'event == \"buy\"'`"


def parse_label_expression(table: Table, text: str) -> pl.Expr:
    """Whether a raw event is labelled; it is not where cells are missing.

    Raises:
        M6RecError: The expression cannot be parsed, calls a function that labels do not need,
            names no or an unknown column, or is not boolean.
    """
    where = f"--positive '{text}'"
    columns = table.schema
    # In double quotes: a column if there is one of that name, else a string.
    quoted = re.sub(
        r'"([^"]*)"',
        lambda m: m[0] if m[1] in columns else "'" + m[1].replace("'", "''") + "'",
        text,
    )
    require_label_functions(quoted, where)
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
            f"the expression cannot be parsed: {error}", where=where, hint=_HINT
        ) from None
    for name in sorted(names):
        if name not in columns:
            raise M6RecError(
                f"the interactions have no column `{name}`",
                where=where,
                hint=nearest_hint(name, columns),
            )
    if not names:
        raise M6RecError("the expression names no column", where=where, hint=_HINT)
    head = table.frame.head(10_000).select(names).collect()
    failure: Exception | None = None
    spells_booleans = re.search(r"'(?:true|false)'", quoted, re.IGNORECASE) is not None
    choices = {n: _interpretations(n, columns[n], head[n], spells_booleans) for n in sorted(names)}
    for inputs in _combinations(choices):
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


def _combinations(choices: dict[str, list[pl.Expr]]) -> Iterator[dict[str, pl.Expr]]:
    """One interpretation per column, preferred ones first.

    If there are too many combinations, the last is the least preferred of every column.
    """
    every = itertools.product(*choices.values())
    for chosen in itertools.islice(every, _MOST_COMBINATIONS):
        yield dict(zip(choices, chosen, strict=True))
    yield {name: found[-1] for name, found in choices.items()}


def _interpretations(
    name: str, dtype: pl.DataType, head: pl.Series, spells_booleans: bool
) -> list[pl.Expr]:
    """The ways to interpret a column, preferred first.

    Text may also be numbers or booleans, if all its values are; dates may also be ISO text.

    Args:
        spells_booleans: The expression contains the text 'true' or 'false'. Then text is tried
            first: Polars compares a boolean with a text without an error, and finds no cell `True`.
    """
    if dtype.is_temporal():
        return [pl.col(name), _iso(name, dtype)]
    if dtype != pl.String:
        return [pl.col(name)]
    as_text, as_number = cell_values.text(name, dtype), cell_values.number(name, dtype)
    parsed = head.to_frame().select(text=as_text, number=as_number)
    parsed = parsed.filter(~pl.col("text").is_in(cell_values.MISSING_OR_NA))
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
    """A quoted time in the form of `_iso`."""
    date, minute, second, fraction = time.groups()
    clock = minute + (second or ":00") + (fraction or "")
    return f"'{date}'" if clock == "00:00:00" else f"'{date} {clock}'"


def _iso(name: str, dtype: pl.DataType) -> pl.Expr:
    """Dates and times as ISO text; midnight is just the date, so that `= '2024-01-31'` matches."""
    if dtype == pl.Date:
        return pl.col(name).dt.strftime("%Y-%m-%d")
    return pl.col(name).dt.strftime("%Y-%m-%d %H:%M:%S%.f").str.replace(r" 00:00:00$", "")


def _substitute(expression: pl.Expr, inputs: dict[str, pl.Expr]) -> pl.Expr:
    """The expression over interpreted columns, as one expression for a lazy plan."""
    fields = pl.struct([inputs[name].alias(name) for name in sorted(inputs)])
    return fields.map_batches(
        lambda s: s.struct.unnest().select(expression.alias("label"))["label"],
        return_dtype=pl.Boolean,
    )


def known_values(table: Table, text: str) -> str | None:
    """The most common values of the columns that an expression names, as a hint."""
    found = []
    for name in columns_of(table, text):
        if table.schema[name].is_nested():
            continue
        counts = table.head()[name].drop_nulls().cast(pl.String).value_counts(sort=True)
        values = ", ".join(f"`{value}`" for value in counts[name].head(8))
        found.append(f"`{name}` has the values {values}")
    return "; ".join(found) or None


def columns_of(table: Table, text: str) -> list[str]:
    """The columns whose names occur in an expression."""
    return [
        name
        for name in table.schema
        if name and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)
    ]
