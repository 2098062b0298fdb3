"""Item and user tables to frames of raw columns with one row an id."""

import polars as pl

from m6rec_cli.preprocessing import tables
from m6rec_cli.preprocessing.cleaning.rules import Cleaning
from m6rec_cli.preprocessing.columns import cell_values
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.preprocessing.tables import ROW, Table
from m6rec_cli.system.errors import M6RecError, nearest
from m6rec_cli.system.feature_spec import Entity


def read(
    table: Table, schema: Schema, entity: Entity, *, cleaning: Cleaning | None = None
) -> pl.DataFrame:
    """Read an item or user table.

    Returns:
        `id` str and `display` str (nullable), then the raw columns that the schema's features read, named as
        `values.raw_column` says, in file order; the first row of an id that appears twice.

    Raises:
        M6RecError: The id column or a feature's column is missing.
    """
    cleaning = cleaning or Cleaning()
    id_column = (
        (schema.item_id or schema.item) if entity == "item" else (schema.user_id or schema.user)
    )
    features = schema.item_features if entity == "item" else schema.user_features
    display = schema.display if entity == "item" else None
    wanted = [f.column for f in features] + ([display] if display else [])
    for name in [id_column, *wanted]:
        if name not in table.schema:
            raise M6RecError(
                f"the {entity} table has no column `{name}`",
                where=table.path,
                hint=nearest(name, table.schema),
            )
    tables.require_single(table, id_column, entity)
    head = table.head()
    frame = table.frame.select(
        ROW,
        cell_values.identifier(id_column, table.schema[id_column], head[id_column]).alias("__id"),
        *dict.fromkeys(wanted),
    ).collect(engine="streaming")
    what = f"{entity}s"
    cleaning.dropped(
        f"{what}: unparseable rows",
        table.n_bad,
        [f"(row {table.first_bad})"] if table.first_bad else [],
    )
    frame = cleaning.keep(frame, f"{what}: no id", pl.col("__id").is_not_null())
    frame = cleaning.keep(
        frame, f"{what}: duplicate ids, first kept", pl.col("__id").is_first_distinct(), "__id"
    )
    shown = cell_values.text(display, table.schema[display]) if display else pl.lit(None, pl.String)
    return frame.select(
        pl.col("__id").alias("id"),
        shown.alias("display"),
        *(pl.col(n).alias(cell_values.raw_column(n)) for n in dict.fromkeys(wanted)),
    )


def from_interactions(table: Table, schema: Schema) -> pl.DataFrame:
    """One row an item from columns that sit on event lines, but for lines that are no events (see `events`).

    A number is the median of its lines; anything else the most common known value, ties by the smaller value.
    Items come in the order of their first line.

    Raises:
        M6RecError: A feature's column is missing.
    """
    wanted = {f.column: f.kind for f in schema.item_features}
    if schema.display:
        wanted.setdefault(schema.display, "text")
    for name in wanted:
        if name not in table.schema:
            raise M6RecError(
                f"the interactions have no column `{name}` for the items",
                where=table.path,
                hint=nearest(name, table.schema),
            )
        if table.schema[name].is_nested():
            raise M6RecError(
                f"the column `{name}` holds lists, which are not read from event lines",
                where=table.path,
                hint="put it into an item table, or leave it out of the schema",
            )
    head = table.head()
    item = cell_values.identifier(schema.item, table.schema[schema.item], head[schema.item])
    base = table.frame.with_columns(item.alias("__id")).filter(pl.col("__id").is_not_null())
    for name in (
        schema.quantity,
        schema.price,
    ):  # stock that is counted or written off says nothing of an item
        if name:
            base = base.filter((cell_values.number(name, table.schema[name]) > 0).fill_null(True))
    order = base.group_by("__id").agg(pl.col(ROW).min()).sort(ROW).collect(engine="streaming")
    result = order.select(pl.col("__id").alias("id"))
    for name, kind in wanted.items():
        dtype, raw = table.schema[name], cell_values.raw_column(name)
        if kind == "numeric":
            column = base.group_by("__id").agg(cell_values.number(name, dtype).median().alias(raw))
        else:
            known = base.select("__id", cell_values.text(name, dtype).alias(raw)).drop_nulls()
            counts = known.group_by("__id", raw).len().sort(["len", raw], descending=[True, False])
            column = counts.group_by("__id", maintain_order=True).agg(pl.col(raw).first())
        result = result.join(
            column.collect(engine="streaming"),
            left_on="id",
            right_on="__id",
            how="left",
            maintain_order="left",
        )
    shown = (
        pl.col(cell_values.raw_column(schema.display)).cast(pl.String)
        if schema.display
        else pl.lit(None, pl.String)
    )
    return result.with_columns(shown.alias("display"))


def ids_alone(ids: pl.Series) -> pl.DataFrame:
    """A table without features."""
    return pl.DataFrame({"id": ids.cast(pl.String)}).with_columns(
        pl.lit(None, pl.String).alias("display")
    )
