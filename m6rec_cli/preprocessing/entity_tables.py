"""Item and user tables to frames of raw columns, one row per id."""

from collections.abc import Mapping

import polars as pl

from m6rec_cli.preprocessing.cleaning import id_checks
from m6rec_cli.preprocessing.cleaning.rules import CleaningLog
from m6rec_cli.preprocessing.columns import cell_values, number_cells
from m6rec_cli.preprocessing.features._base import FEATURE_KINDS, PerItem
from m6rec_cli.preprocessing.readers._base import OWN
from m6rec_cli.preprocessing.schema import Schema
from m6rec_cli.preprocessing.single_values import require_single_values
from m6rec_cli.preprocessing.tables import ID, ROW, Table
from m6rec_cli.system.errors import M6RecError, nearest_hint
from m6rec_cli.system.feature_spec import Entity

_MEMBERS = f"{OWN}members"
REPEATED_IDS = "duplicate ids, first kept"
"""The rule that drops every row of an id but the first."""


def read_entity_table(
    table: Table, schema: Schema, entity: Entity, *, cleaning: CleaningLog | None = None
) -> pl.DataFrame:
    """Read an item or user table.

    Returns:
        `id` str, `display` str (nullable), then the raw columns that the features read, named by
        `cell_values.raw_column`; in file order. Of rows with the same id, the first is kept, with
        the members of all of them in columns of sets.

    Raises:
        M6RecError: The id column or a feature's column is missing.
    """
    cleaning = cleaning or CleaningLog()
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
                hint=nearest_hint(name, table.schema),
            )
    require_single_values(table, id_column, entity)
    head = table.head()
    frame = table.frame.select(
        ROW,
        cell_values.identifier(id_column, table.schema[id_column], head[id_column]).alias(ID),
        *dict.fromkeys(wanted),
    ).collect(engine="streaming")
    what = f"{entity}s"
    cleaning.count_dropped(
        f"{what}: unparseable rows",
        table.n_unparseable,
        [f"(row {table.first_unparseable})"] if table.first_unparseable else [],
    )
    if table.n_repeated_headers:
        cleaning.count_dropped(f"{what}: repeated header lines", table.n_repeated_headers)
    frame = cleaning.keep_rows(frame, f"{what}: no id", pl.col(ID).is_not_null())
    frame = id_checks.check_table_ids(frame, table, id_column, entity, cleaning)
    sets = {f.column: f.separator for f in features if f.kind == "set"}
    frame = _with_joined_sets(frame, table, sets)
    frame = cleaning.keep_rows(frame, f"{what}: {REPEATED_IDS}", pl.col(ID).is_first_distinct(), ID)
    display_text = (
        cell_values.text(display, table.schema[display]) if display else pl.lit(None, pl.String)
    )
    return frame.select(
        pl.col(ID).alias("id"),
        display_text.alias("display"),
        *(pl.col(n).alias(cell_values.raw_column(n)) for n in dict.fromkeys(wanted)),
    )


def _with_joined_sets(
    frame: pl.DataFrame, table: Table, separators: Mapping[str, str | None]
) -> pl.DataFrame:
    """Give each line of an id the members of all its lines, in columns of sets."""
    if not separators or frame[ID].is_unique().all():
        return frame
    for name, separator in separators.items():
        members = cell_values.members(name, table.schema[name], separator)
        joined = (
            frame.select(ID, members.alias(_MEMBERS))
            .drop_nulls(_MEMBERS)
            .explode(_MEMBERS)
            .group_by(ID)
            .agg(pl.col(_MEMBERS).unique(maintain_order=True).alias(name))
        )
        frame = frame.drop(name).join(joined, on=ID, how="left", maintain_order="left")
    return frame


def items_from_interactions(
    table: Table, schema: Schema, per_item: Mapping[str, PerItem] | None = None
) -> pl.DataFrame:
    """Build an item table from columns of the event log.

    The value of an item is the median over its lines, or the most common value, of equally common
    ones the smaller. Items are in the order of their first line. Lines with a quantity or price of
    zero or less do not count, since they are stock corrections.

    Args:
        per_item: Columns to read, and how to combine them; None reads those of the schema.

    Raises:
        M6RecError: A feature's column is missing.
    """
    wanted = _columns_per_item(schema) if per_item is None else per_item
    for name in wanted:
        if name not in table.schema:
            raise M6RecError(
                f"the interactions have no column `{name}` for the items",
                where=table.path,
                hint=nearest_hint(name, table.schema),
            )
        if table.schema[name].is_nested():
            raise M6RecError(
                f"the column `{name}` holds lists, which cannot be read from event lines",
                where=table.path,
                hint="move it to an item table, or remove it from the schema",
            )
    head = table.head()
    item = cell_values.identifier(schema.item, table.schema[schema.item], head[schema.item])
    base = table.frame.with_columns(item.alias(ID)).filter(pl.col(ID).is_not_null())
    for name in (schema.quantity, schema.price):
        if name:
            base = base.filter((cell_values.number(name, table.schema[name]) > 0).fill_null(True))
    order = base.group_by(ID).agg(pl.col(ROW).min()).sort(ROW).collect(engine="streaming")
    result = order.select(pl.col(ID).alias("id"))
    for name, combine in wanted.items():
        dtype, raw = table.schema[name], cell_values.raw_column(name)
        if combine == "median":
            value = number_cells.number(name, dtype, number_cells.date_formats_of(head[name]))
            column = base.group_by(ID).agg(value.median().alias(raw))
        else:
            known = base.select(ID, cell_values.text(name, dtype).alias(raw)).drop_nulls()
            counts = known.group_by(ID, raw).len().sort(["len", raw], descending=[True, False])
            column = counts.group_by(ID, maintain_order=True).agg(pl.col(raw).first())
        result = result.join(
            column.collect(engine="streaming"),
            left_on="id",
            right_on=ID,
            how="left",
            maintain_order="left",
        )
    display_text = (
        pl.col(cell_values.raw_column(schema.display)).cast(pl.String)
        if schema.display
        else pl.lit(None, pl.String)
    )
    return result.with_columns(display_text.alias("display"))


def _columns_per_item(schema: Schema) -> dict[str, PerItem]:
    wanted: dict[str, PerItem] = {
        f.column: FEATURE_KINDS.load(f.kind).TRAITS.per_item for f in schema.item_features
    }
    if schema.display:
        wanted.setdefault(schema.display, "most common")
    return wanted


def featureless_items(ids: pl.Series) -> pl.DataFrame:
    """An item table with ids only."""
    return pl.DataFrame({"id": ids.cast(pl.String)}).with_columns(
        pl.lit(None, pl.String).alias("display")
    )
