"""Three open tables to a schema: roles by name, feature kinds by value."""

from dataclasses import replace
from pathlib import Path

import polars as pl

from m6rec_cli.preprocessing import entity_tables
from m6rec_cli.preprocessing.columns import cell_values, column_names, kinds, roles
from m6rec_cli.preprocessing.features._base import FEATURE_KINDS, PerItem
from m6rec_cli.preprocessing.schema import FeatureColumn, Schema
from m6rec_cli.preprocessing.tables import Table
from m6rec_cli.system.errors import M6RecError

_LEAST_DEPENDENCE = 0.3
"""Columns of the event log below it are not item features; see `item_dependence`."""


def infer_schema(
    events: Table,
    items: Table | None,
    users: Table | None,
    media_root: Path,
    *,
    items_from_interactions: bool = False,
) -> tuple[Schema, dict[str, str], list[str]]:
    """Infer a schema.

    Args:
        events: The event log.
        items: The item table.
        users: The user table.
        media_root: The folder that media cells are relative to.
        items_from_interactions: Infer item features from the columns of the event log.

    Returns:
        The schema; the columns that it leaves out (such as `items.colour`) with the reasons; and
        warnings.

    Raises:
        M6RecError: A table has no column that could be its id.
    """
    schema, warnings = roles.infer_roles(events)
    skipped_columns: dict[str, str] = {}
    if items is not None:
        id_column = _id_column(items, schema.item, column_names.ITEM, "item")
        features, skipped = _features(items, id_column, media_root)
        schema = replace(
            schema,
            item_id=id_column,
            item_features=features,
            display=_display(list(items.schema), id_column, features),
        )
        skipped_columns |= {f"items.{name}": reason for name, reason in skipped.items()}
    elif items_from_interactions:
        schema, skipped = _with_line_features(events, schema, media_root)
        skipped_columns |= {f"interactions.{name}": reason for name, reason in skipped.items()}
    if users is not None:
        id_column = _id_column(users, schema.user, column_names.USER, "user")
        features, skipped = _features(users, id_column, media_root)
        schema = replace(schema, user_id=id_column, user_features=features)
        skipped_columns |= {f"users.{name}": reason for name, reason in skipped.items()}
    return schema, skipped_columns, warnings


def _id_column(table: Table, event_column: str, names: tuple[str, ...], what: str) -> str:
    found = (
        event_column
        if event_column in table.schema
        else column_names.find_column(table.schema, (*names, "id"))
    )
    if found is None:
        raise M6RecError(
            f"no column looks like the {what}'s id",
            where=f"{table.path}, columns: {', '.join(table.schema)}",
            hint=f"call it `{event_column}` as in the interactions, or name it in a schema file "
            f'(`[{what}s]` id = "...")',
        )
    return found


def _features(
    table: Table, id_column: str, media_root: Path
) -> tuple[tuple[FeatureColumn, ...], dict[str, str]]:
    others = [name for name in table.schema if name != id_column]
    features, skipped = kinds.infer_features(table.head(), others, media_root)
    return tuple(features), skipped


def _display(names: list[str], id_column: str, features: tuple[FeatureColumn, ...]) -> str | None:
    named = column_names.find_column([n for n in names if n != id_column], column_names.DISPLAY)
    traits = ((f, FEATURE_KINDS.load(f.kind).TRAITS) for f in features)
    return named or next((f.column for f, t in traits if t.encoder_input == "text"), None)


def _with_line_features(
    events: Table, schema: Schema, media_root: Path
) -> tuple[Schema, dict[str, str]]:
    """Add the columns whose value depends on the item, as item features."""
    with_roles = {
        schema.user,
        schema.item,
        schema.timestamp,
        schema.event,
        schema.weight,
        schema.quantity,
    }
    others = [name for name in events.schema if name not in with_roles]
    skipped: dict[str, str] = {}
    own: list[str] = []
    for name in others:
        if (
            isinstance(events.schema[name], pl.List | pl.Array | pl.Struct)
            or events.schema[name] == pl.Binary
        ):
            skipped[name] = "lists cannot be read from event lines"
        elif item_dependence(events, schema.item, name) < _LEAST_DEPENDENCE:
            skipped[name] = "its values do not depend on the item"
        else:
            own.append(name)
    per_item: dict[str, PerItem] = {
        name: "median" if events.schema[name].is_numeric() else "most common" for name in own
    }
    table = entity_tables.items_from_interactions(events, schema, per_item)
    raw = table.select(pl.col(cell_values.raw_column(n)).alias(n) for n in own)
    features, more = kinds.infer_features(raw, own, media_root)
    result = replace(
        schema, item_features=tuple(features), display=_display(own, schema.item, tuple(features))
    )
    return result, skipped | more


def item_dependence(events: Table, item: str, name: str) -> float:
    """How well the item predicts a column of the event log: 1 exactly, 0 no better than chance.

    Goodman and Kruskal's lambda over the known cells of items with several lines.
    """
    pairs = events.frame.select(
        item=cell_values.text(item, events.schema[item]),
        value=cell_values.text(name, events.schema[name]),
    ).drop_nulls()
    counts = pairs.group_by("item", "value").len("n").collect(engine="streaming")
    per_item = (
        counts.group_by("item")
        .agg(pl.col("n").max().alias("best"), pl.col("n").sum().alias("n"))
        .filter(pl.col("n") > 1)
    )
    several = counts.join(per_item.select("item"), on="item", how="semi")
    total = int(per_item["n"].sum())
    if not total:
        return 1.0 if len(counts) else 0.0
    best = int(per_item["best"].sum()) / total
    common = several.group_by("value").agg(pl.col("n").sum())["n"].max()
    chance = common / total if isinstance(common, int) else 0.0
    return 0.0 if chance >= 1 else (best - chance) / (1 - chance)
