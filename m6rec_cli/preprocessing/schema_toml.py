"""A `Schema` to TOML that users can edit; `schema_file` reads it."""

from collections.abc import Mapping, Sequence

from m6rec_cli.config.toml_text import toml_literal
from m6rec_cli.preprocessing.schema import FeatureColumn, Schema

ORDER = "order"
"""The key of `[interactions]` that names several columns."""
EVENT_KEYS = (
    "user",
    "item",
    "timestamp",
    "timestamp_format",
    "time_of_day",
    ORDER,
    "event",
    "weight",
    "quantity",
    "price",
    "missing_users",
    "users_are_items",
)
"""The keys of `[interactions]`."""


def to_toml(
    schema: Schema,
    skipped: Mapping[str, str] | None = None,
    missing: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """The schema as TOML.

    Args:
        skipped: Columns without a feature, with the reasons; they become comments.
        missing: Roles without a column, with candidates; they become comments.
    """
    missing = missing or {}
    lines = ["[interactions]"]
    for key in EVENT_KEYS:
        value = getattr(schema, key)
        if key in missing:
            lines.append(_missing_line(key, missing[key]))
        elif value not in (None, (), False) and not (
            key == "timestamp_format" and schema.timestamp is None
        ):
            lines.append(f"{key} = {toml_literal(value)}")
    for table, id_role, features in (
        ("items", "item_id", schema.item_features),
        ("users", "user_id", schema.user_features),
    ):
        id_column = getattr(schema, id_role)
        own = [f"id = {toml_literal(id_column)}"] if id_column else []
        if id_role in missing:
            own = [_missing_line("id", missing[id_role])]
        if table == "items" and schema.display:
            own.append(f"display = {toml_literal(schema.display)}")
        if own:
            lines += ["", f"[{table}]", *own]
        if features:
            lines += ["", f"[{table}.features]", *map(_feature_line, features)]
    if skipped:
        lines += ["", *(f"# left out: {name}: {reason}" for name, reason in skipped.items())]
    return "\n".join(lines) + "\n"


def _missing_line(key: str, candidates: Sequence[str]) -> str:
    names = ", ".join(map(toml_literal, candidates))
    return f"# {key} = ?   " + (f"candidates: {names}" if names else "no column looks like it")


def _feature_line(feature: FeatureColumn) -> str:
    fields: dict[str, str] = {"kind": feature.kind}
    if feature.column != feature.name:
        fields["column"] = feature.column
    for key in ("separator", "encoder", "sha256"):
        if getattr(feature, key) is not None:
            fields[key] = getattr(feature, key)
    body = ", ".join(f"{key} = {toml_literal(value)}" for key, value in fields.items())
    return f"{toml_literal(feature.name)} = {{ {body} }}"
