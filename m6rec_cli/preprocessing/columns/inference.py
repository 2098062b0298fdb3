"""Three open tables to a schema: roles by name, feature kinds by value."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from m6rec_cli.preprocessing import entity_tables
from m6rec_cli.preprocessing.columns import cell_values, column_names, kinds, roles
from m6rec_cli.preprocessing.columns.dependence import measure_dependence
from m6rec_cli.preprocessing.columns.future_counts import future_count_warning
from m6rec_cli.preprocessing.columns.long_tables import join_lines
from m6rec_cli.preprocessing.columns.missing_roles import MissingRole, entity_id_candidates
from m6rec_cli.preprocessing.features._base import FEATURE_KINDS, PerItem
from m6rec_cli.preprocessing.schema import FeatureColumn, Schema, SchemaHints
from m6rec_cli.preprocessing.schema_file import ROLES
from m6rec_cli.preprocessing.tables import ROW, Table

_TOTALS = ("total", "sum", "amount", "revenue", "turnover", "betrag", "summe", "umsatz", "montant")
"""Words of columns that multiply the price by the quantity of a line."""


@dataclass(kw_only=True)
class InferredSchema:
    """A schema, and what there is to say about it.

    Attributes:
        skipped: The reason for each column that is left out, such as `items.colour`.
        warnings: Doubts.
    """

    schema: Schema
    skipped: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def infer_schema(
    events: Table,
    items: Table | None,
    users: Table | None,
    media_root: Path,
    *,
    items_from_interactions: bool = False,
    hints: SchemaHints | None = None,
    no_time: bool = False,
) -> InferredSchema:
    """Infer what the hints do not say.

    Args:
        media_root: The folder that media cells are relative to.
        items_from_interactions: Infer item features from the columns of the event log.
        hints: Columns that the user names; these are taken as they are.
        no_time: Events are in file order, whatever the columns.

    Raises:
        MissingRole: A table has no column that could be its id.
        M6RecError: A hint names a missing column.
    """
    hints = hints or SchemaHints()
    schema, warnings, unused = roles.infer_roles(events, hints, no_time=no_time)
    found = InferredSchema(schema=schema, warnings=warnings)
    found.skipped |= {f"interactions.{name}": reason for name, reason in unused.items()}
    if items is not None:
        id_column = hints.item_id or _id_column(items, events, schema.item, "item")
        features, skipped = _features(items, id_column, media_root, hints.item_features)
        if id_column in items.schema:
            features, said, times = join_lines(items, id_column, features, hints.item_features)
            skipped |= times
            found.warnings += [said] if said else []
        display = hints.display or _display(list(items.schema), id_column, features)
        found.schema = replace(
            found.schema, item_id=id_column, item_features=features, display=display
        )
        found.skipped |= {f"items.{name}": reason for name, reason in skipped.items()}
        _warn_of_future(found, items, features, "item", id_column, events, schema.item)
    elif items_from_interactions:
        found.schema, skipped = _with_line_features(events, schema, media_root, hints)
        found.skipped |= {f"interactions.{name}": reason for name, reason in skipped.items()}
    else:
        found.schema = replace(
            found.schema,
            item_id=hints.item_id,
            display=hints.display,
            item_features=tuple(f for f in hints.item_features.values() if f is not None),
        )
    if users is not None:
        id_column = hints.user_id or _id_column(users, events, schema.user, "user")
        features, skipped = _features(users, id_column, media_root, hints.user_features)
        found.schema = replace(found.schema, user_id=id_column, user_features=features)
        found.skipped |= {f"users.{name}": reason for name, reason in skipped.items()}
        _warn_of_future(found, users, features, "user", id_column, events, schema.user)
    else:
        found.schema = replace(
            found.schema,
            user_id=hints.user_id,
            user_features=tuple(f for f in hints.user_features.values() if f is not None),
        )
    _note_unused(found, events, has_items=items_from_interactions and items is None)
    return found


def _note_unused(found: InferredSchema, events: Table, *, has_items: bool) -> None:
    """Name the columns of the event log that nothing reads.

    Args:
        has_items: The catalogue is made from the event log.
    """
    used = {getattr(found.schema, role) for role in ROLES}
    used |= set(found.schema.order)
    if has_items:
        used |= {found.schema.display, *(f.column for f in found.schema.item_features)}
    for name in events.schema:
        if name not in used:
            reason = "no role; `--positive` may use it"
            found.skipped.setdefault(f"interactions.{name}", reason)


def _warn_of_future(
    found: InferredSchema,
    table: Table,
    features: tuple[FeatureColumn, ...],
    entity: str,
    id_column: str,
    events: Table,
    event_column: str,
) -> None:
    if id_column not in table.schema:
        return  # an error of its own follows
    warning = future_count_warning(
        table,
        features,
        entity=entity,
        id_column=id_column,
        events=events,
        event_column=event_column,
    )
    if warning:
        found.warnings.append(warning)


def _id_column(table: Table, events: Table, event_column: str, what: str) -> str:
    usual = column_names.ITEM if what == "item" else column_names.USER
    is_numbered = all(name.isdecimal() for name in table.schema)  # without a header line
    if event_column in table.schema and not is_numbered:
        return event_column
    found = column_names.find_column(table.schema, (*usual, "id"))
    if found is not None:
        return found
    likely = entity_id_candidates(table, events, event_column)
    if likely and is_numbered:
        return likely[0]
    said = f"; likely: {', '.join(f'`{name}`' for name in likely)}" if likely else ""
    raise MissingRole(
        f"no column looks like the {what}'s id",
        roles=(f"{what}_id",),
        candidates=likely,
        where=f"{table.path}, columns: {', '.join(table.schema)}",
        hint=f"call it `{event_column}` as in the interactions, or name it in a schema file "
        f'(`[{what}s]` id = "..."){said}',
    )


def _features(
    table: Table,
    id_column: str,
    media_root: Path,
    hinted: Mapping[str, FeatureColumn | None],
) -> tuple[tuple[FeatureColumn, ...], dict[str, str]]:
    """The features of a table: hinted ones, and those of columns that no hint is about."""
    others = [n for n in table.schema if n != id_column and n not in _settled(hinted)]
    features, skipped = kinds.infer_features(table.head(), others, media_root)
    return _joined(hinted, features), skipped | _left_out(hinted)


def _settled(hinted: Mapping[str, FeatureColumn | None]) -> set[str]:
    """Columns that hints say all about; a frozen encoder reads a column beside its own feature."""
    read = {f.column for f in hinted.values() if f is not None and f.encoder is None}
    return read | {name for name, f in hinted.items() if f is None}


def _left_out(hinted: Mapping[str, FeatureColumn | None]) -> dict[str, str]:
    return {name: "the schema says so" for name, f in hinted.items() if f is None}


def _joined(
    hinted: Mapping[str, FeatureColumn | None], inferred: list[FeatureColumn]
) -> tuple[FeatureColumn, ...]:
    """Hinted features in their order, then the inferred ones."""
    named = [f for f in hinted.values() if f is not None]
    names = {f.name for f in named}
    return (*named, *(f for f in inferred if f.name not in names))


def _display(names: list[str], id_column: str, features: tuple[FeatureColumn, ...]) -> str | None:
    named = column_names.find_column([n for n in names if n != id_column], column_names.DISPLAY)
    traits = ((f, FEATURE_KINDS.load(f.kind).TRAITS) for f in features)
    return named or next((f.column for f, t in traits if t.encoder_input == "text"), None)


def _with_line_features(
    events: Table, schema: Schema, media_root: Path, hints: SchemaHints
) -> tuple[Schema, dict[str, str]]:
    """Add the columns whose value depends on the item, as item features."""
    hinted = hints.item_features
    taken = {
        *(schema.user, schema.item, schema.timestamp, schema.time_of_day),
        *(schema.event, schema.weight, schema.quantity, *schema.order),
        *_settled(hinted),
    }
    skipped: dict[str, str] = {}
    own: list[str] = []
    for name in (n for n in events.schema if n not in taken):
        reason = _why_not_item(events, schema, name)
        if reason is None:
            own.append(name)
        else:
            skipped[name] = reason
    per_item: dict[str, PerItem] = {
        name: "median" if events.schema[name].is_numeric() else "most common" for name in own
    }
    table = entity_tables.items_from_interactions(events, schema, per_item)
    raw = table.select(pl.col(cell_values.raw_column(n)).alias(n) for n in own)
    features, more = kinds.infer_features(raw, own, media_root)
    every = _joined(hinted, features)
    result = replace(
        schema,
        item_id=hints.item_id,
        item_features=every,
        display=hints.display or _display(own, schema.item, every),
    )
    return result, skipped | more | _left_out(hinted)


def _why_not_item(events: Table, schema: Schema, name: str) -> str | None:
    """The reason why a column of the event log is no item feature."""
    dtype = events.schema[name]
    if dtype.is_nested() or dtype == pl.Binary:
        return "lists cannot be read from event lines"
    if dtype.is_numeric() and any(word in _TOTALS for word in column_names.words_of(name)):
        return "a sum of the line"
    value = cell_values.number(name, dtype) if dtype.is_numeric() else cell_values.text(name, dtype)
    return measure_dependence(
        events.frame,
        value=value,
        item=cell_values.text(schema.item, events.schema[schema.item]),
        user=cell_values.text(schema.user, events.schema[schema.user]),
        time=pl.col(schema.timestamp) if schema.timestamp else pl.col(ROW),
    ).why_not_item()
