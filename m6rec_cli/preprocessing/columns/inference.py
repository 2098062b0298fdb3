"""Three open tables to a schema: roles by name, feature kinds by value."""

from dataclasses import replace
from pathlib import Path

import polars as pl

from m6rec_cli.preprocessing import entity_tables
from m6rec_cli.preprocessing.columns import cell_values, kinds, roles
from m6rec_cli.preprocessing.schema import FeatureColumn, Schema
from m6rec_cli.preprocessing.tables import Table
from m6rec_cli.system.errors import M6RecError


def infer(
    events: Table,
    items: Table | None,
    users: Table | None,
    media_root: Path,
    *,
    items_on_lines: bool = False,
) -> tuple[Schema, dict[str, str], list[str]]:
    """Infer a schema.

    Args:
        events: The event log.
        items: The item table.
        users: The user table.
        media_root: The folder that media cells are relative to.
        items_on_lines: Look for item columns on the event lines.

    Returns:
        The schema, the columns that it leaves out with the reason (`items.colour`: ...), and warnings.

    Raises:
        M6RecError: A table has no column that could be its id.
    """
    found, warnings = roles.of_events(events)
    schema = Schema(**found)
    left_out: dict[str, str] = {}
    if items is not None:
        id_column = _id_column(items, schema.item, roles.ITEM, "item")
        features, skipped = _features(items, id_column, media_root)
        schema = replace(
            schema,
            item_id=id_column,
            item_features=features,
            display=_display(list(items.schema), id_column, features),
        )
        left_out |= {f"items.{name}": reason for name, reason in skipped.items()}
    elif items_on_lines:
        schema, skipped = _from_lines(events, schema, media_root)
        left_out |= {f"interactions.{name}": reason for name, reason in skipped.items()}
    if users is not None:
        id_column = _id_column(users, schema.user, roles.USER, "user")
        features, skipped = _features(users, id_column, media_root)
        schema = replace(schema, user_id=id_column, user_features=features)
        left_out |= {f"users.{name}": reason for name, reason in skipped.items()}
    return schema, left_out, warnings


def _id_column(table: Table, event_column: str, names: tuple[str, ...], what: str) -> str:
    found = (
        event_column if event_column in table.schema else roles.find(table.schema, (*names, "id"))
    )
    if found is None:
        raise M6RecError(
            f"no column looks like the {what}'s id",
            where=f"{table.path}, columns: {', '.join(table.schema)}",
            hint=f'call it `{event_column}` as the interactions do, or name it in a schema file (`[{what}s]` id = "...")',
        )
    return found


def _features(
    table: Table, id_column: str, media_root: Path
) -> tuple[tuple[FeatureColumn, ...], dict[str, str]]:
    others = [name for name in table.schema if name != id_column]
    features, skipped = kinds.infer(table.head(), others, media_root)
    return tuple(features), skipped


def _display(names: list[str], id_column: str, features: tuple[FeatureColumn, ...]) -> str | None:
    named = roles.find([n for n in names if n != id_column], roles.DISPLAY)
    return named or next((f.column for f in features if f.kind == "text"), None)


def _from_lines(events: Table, schema: Schema, media_root: Path) -> tuple[Schema, dict[str, str]]:
    """Item columns are those whose value follows from the item more than from chance."""
    taken = {
        schema.user,
        schema.item,
        schema.timestamp,
        schema.event,
        schema.weight,
        schema.quantity,
    }
    others = [name for name in events.schema if name not in taken]
    skipped: dict[str, str] = {}
    own: list[str] = []
    for name in others:
        if (
            isinstance(events.schema[name], pl.List | pl.Array | pl.Struct)
            or events.schema[name] == pl.Binary
        ):
            skipped[name] = "lists on event lines are not read"
        elif dependence(events, schema.item, name) < 0.3:
            skipped[name] = "its values do not depend on the item"
        else:
            own.append(name)
    drafts = tuple(
        FeatureColumn(n, n, "numeric" if events.schema[n].is_numeric() else "categorical")
        for n in own
    )
    table = entity_tables.from_interactions(events, replace(schema, item_features=drafts))
    raw = table.select(pl.col(cell_values.raw_column(n)).alias(n) for n in own)
    features, more = kinds.infer(raw, own, media_root)
    result = replace(
        schema, item_features=tuple(features), display=_display(own, schema.item, tuple(features))
    )
    return result, skipped | more


def dependence(events: Table, item: str, name: str) -> float:
    """How well an item's most common value tells the value of its lines: 1 always, 0 no better than chance.

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
