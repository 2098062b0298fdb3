"""Tables with several lines per item or user: which columns differ, and what becomes of them.

Categories that differ become a set of all values, and times that differ are left out; of the other
columns the first line counts.
"""

from collections.abc import Collection
from dataclasses import replace

import polars as pl

from m6rec_cli.preprocessing.columns import cell_values, time_values
from m6rec_cli.preprocessing.schema import FeatureColumn
from m6rec_cli.preprocessing.tables import ID, Table

SEPARATOR = "\n"
"""Between the values of several lines; a cell has no line break as a category."""
_MOST_VALUES = 32
"""Most values of an item, on average, that become a set."""
_LEAST_SHARE = 0.1
"""Least share of ids whose lines differ: below, a few lines are repeated by mistake."""
_SHOWN = 5


def join_lines(
    table: Table, id_column: str, features: tuple[FeatureColumn, ...], hinted: Collection[str]
) -> tuple[tuple[FeatureColumn, ...], str | None, dict[str, str]]:
    """Turn categories that differ between the lines of an id into sets, and leave out times.

    Args:
        hinted: Names of features whose kind the user gives.

    Returns:
        The features, a warning that says what is done with each column that differs, and the
        columns that are left out with the reason.
    """
    names = [name for name in table.schema if name != id_column]
    dtypes, head = table.schema, table.head()
    read = [n for n in names if not dtypes[n].is_nested() and dtypes[n] != pl.Binary]
    key = cell_values.identifier(id_column, dtypes[id_column], head[id_column]).alias(ID)
    lines = table.frame.select(key, *(cell_values.text(n, dtypes[n]).alias(n) for n in read))
    lines = lines.drop_nulls(ID)
    counted = lines.select(n=pl.len(), ids=pl.col(ID).n_unique()).collect(engine="streaming")
    n, n_ids = counted.row(0)
    if n == n_ids or not read:
        return features, None, {}
    per_id = lines.group_by(ID, maintain_order=True).agg(
        pl.col(name).drop_nulls().n_unique().alias(name) for name in read
    )
    values = per_id.collect()
    several = {name: int((values[name] > 1).sum()) for name in read}
    differ = [name for name in read if several[name]]
    few = {
        name
        for name in differ
        if several[name] >= _LEAST_SHARE * n_ids
        and float(values[name].sum()) <= _MOST_VALUES * n_ids
    }
    meant = {f.column for f in features if f.name in hinted}
    times = {
        name: "the time of a line, not of the item"
        for name in differ
        if name not in meant
        and several[name] >= _LEAST_SHARE * n_ids
        and time_values.read_as(head[name]) in ("instant", "date")
    }
    result = tuple(
        replace(f, kind="set", separator=SEPARATOR)
        if f.kind == "categorical" and f.column in few and f.name not in hinted
        else f
        for f in features
        if f.column not in times
    )
    sets = [f.column for f in result if f.kind == "set" and f.column in differ]
    first = [name for name in differ if name not in sets and name in {f.column for f in result}]
    said = [
        f"{_listed(sets)} become sets of all values" if sets else "",
        f"of {_listed(first)} only the first line counts" if first else "",
        f"{_listed(list(times))} are left out as times of the lines" if times else "",
        "the lines agree in all columns that are read" if not (sets or first or times) else "",
    ]
    example = _example(lines, values, [*sets, *first])
    warning = (
        f"{table.path} has {n:,} lines for {n_ids:,} values of `{id_column}`: "
        f"{'; '.join(part for part in said if part)}{example}"
    )
    return result, warning, times


def _example(lines: pl.LazyFrame, values: pl.DataFrame, differ: list[str]) -> str:
    """The first id whose lines differ in a column, and its first values."""
    if not differ:
        return ""
    name = differ[0]
    first = values.filter(pl.col(name) > 1)[ID][0]
    cells = lines.filter(pl.col(ID) == first).select(name).drop_nulls().collect()[name]
    shown = ", ".join(f"`{cell[:40]}`" for cell in cells.unique(maintain_order=True).head(3))
    return f"; first: `{first}` has the `{name}` {shown}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(f"`{name}`" for name in names[:_SHOWN]) + more
