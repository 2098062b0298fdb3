"""A schema file, which users can edit, to a `Schema` or to hints."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from m6rec_cli.data.format import RESERVED
from m6rec_cli.preprocessing.features._base import FEATURE_KINDS
from m6rec_cli.preprocessing.schema import ENCODED_KIND, FeatureColumn, Schema, SchemaHints
from m6rec_cli.preprocessing.schema_toml import EVENT_KEYS, ORDER
from m6rec_cli.system.errors import M6RecError, nearest_hint
from m6rec_cli.system.toml_files import read_toml

FILE = "schema.toml"
_EXAMPLES = {"missing_users": "0", "order": "position"}
ROLES = ("user", "item", "timestamp", "time_of_day", "event", "weight", "quantity", "price")
"""The keys of `[interactions]` that name a column."""
_KEYS = {
    "interactions": EVENT_KEYS,
    "items": ("id", "display", "features"),
    "users": ("id", "features"),
}
_FEATURE_KEYS = ("kind", "column", "separator", "encoder", "sha256")


def read(path: Path) -> Schema:
    """Read a complete schema, such as that of a data directory.

    Raises:
        M6RecError: As `read_hints`, or it names no user or item column.
    """
    hints = read_hints(path)
    roles = {role: column for role, column in hints.roles.items() if column is not None}
    for key in ("user", "item"):
        if key not in roles:
            raise M6RecError(
                f"the schema names no `{key}` column",
                where=f"{path}, [interactions]",
                hint=f'add `{key} = "{key}_id"`',
            )
    return Schema(
        **roles,
        timestamp_format=hints.timestamp_format or "auto",
        order=hints.order or (),
        missing_users=hints.missing_users or (),
        users_are_items=hints.users_are_items,
        item_id=hints.item_id,
        user_id=hints.user_id,
        display=hints.display,
        item_features=tuple(f for f in hints.item_features.values() if f is not None),
        user_features=tuple(f for f in hints.user_features.values() if f is not None),
    )


def read_hints(path: Path) -> SchemaHints:
    """Read a schema file, whose keys may all be missing.

    `false` in place of a column or of a feature says that there is none.

    Raises:
        M6RecError: It is missing or no TOML, or has an unknown key or kind or a value of another
            type.
    """
    where = str(path)
    events, items, users = _tables(path)
    roles = {
        key: _column(events[key], f"interactions.{key}", where) for key in ROLES if key in events
    }
    users_are_items = events.get("users_are_items", False)
    if not isinstance(users_are_items, bool):
        raise M6RecError(
            f"`interactions.users_are_items` takes true or false, not {users_are_items!r}",
            where=where,
        )
    form = events.get("timestamp_format")
    return SchemaHints(
        roles=roles,
        timestamp_format=None
        if form is None
        else _string(form, "interactions.timestamp_format", where),
        order=_strings(events, ORDER, where),
        missing_users=_strings(events, "missing_users", where),
        users_are_items=users_are_items,
        item_id=_string(items["id"], "items.id", where) if "id" in items else None,
        user_id=_string(users["id"], "users.id", where) if "id" in users else None,
        display=_string(items["display"], "items.display", where) if "display" in items else None,
        item_features=_features(items, "items", where),
        user_features=_features(users, "users", where),
        source=where,
    )


def _tables(path: Path) -> tuple[dict[str, object], dict[str, object], dict[str, object]]:
    """The three tables of a schema file, with known keys only."""
    where = str(path)
    writes_one = "`m6rec preprocess ... --schema-out FILE` writes one"
    tree = read_toml(path, "the schema file", writes_one)
    _require_known_keys(tree, _KEYS, "", where)
    for name, keys in _KEYS.items():
        if not isinstance(tree.get(name, {}), dict):
            raise M6RecError(f"`{name}` is a table, written `[{name}]`", where=where)
        _require_known_keys(tree.get(name, {}), keys, f"{name}.", where)
    return tree.get("interactions", {}), tree.get("items", {}), tree.get("users", {})


def _features(
    table: Mapping[str, object], name: str, where: str
) -> dict[str, FeatureColumn | None]:
    features = table.get("features", {})
    if not isinstance(features, dict):
        raise M6RecError(f"`{name}.features` is a table, written `[{name}.features]`", where=where)
    return {
        key: None if value is False else _feature(key, value, f"{name}.features.{key}", where)
        for key, value in features.items()
    }


def _feature(name: str, value: object, path: str, where: str) -> FeatureColumn:
    fields = {"kind": value} if isinstance(value, str) else value
    if not isinstance(fields, dict) or "kind" not in fields:
        raise M6RecError(
            f"`{path}` has no kind", where=where, hint=f'for instance {name} = {{ kind = "text" }}'
        )
    _require_known_keys(fields, _FEATURE_KEYS, f"{path}.", where)
    texts = {key: _string(v, f"{path}.{key}", where) for key, v in fields.items()}
    kind = texts["kind"]
    if kind not in FEATURE_KINDS.names():
        raise M6RecError(
            f"`{path}` has the unknown kind `{kind}`",
            where=where,
            hint=nearest_hint(kind, FEATURE_KINDS.names()),
        )
    if name in RESERVED:
        raise M6RecError(
            f"`{path}` has a reserved name",
            where=where,
            hint=f'use another one: my_{name} = {{ kind = "{kind}", column = "{name}" }}',
        )
    if "encoder" in texts and kind != ENCODED_KIND:
        raise M6RecError(
            f"`{path}` has an encoder, so its kind must be `{ENCODED_KIND}`",
            where=where,
            hint=f'write kind = "{ENCODED_KIND}"; another feature may read the column as `{kind}`',
        )
    return FeatureColumn(
        name,
        texts.get("column", name),
        kind,
        separator=texts.get("separator"),
        encoder=texts.get("encoder"),
        sha256=texts.get("sha256"),
    )


def _require_known_keys(
    table: Mapping[str, object], known: Iterable[str], path: str, where: str
) -> None:
    known = tuple(known)
    for key in table:
        if key not in known:
            raise M6RecError(
                f"unknown schema key `{path}{key}`", where=where, hint=nearest_hint(key, known)
            )


def _column(value: object, path: str, where: str) -> str | None:
    return None if value is False else _string(value, path, where)


def _strings(events: Mapping[str, object], key: str, where: str) -> tuple[str, ...] | None:
    value = events.get(key)
    if value is None or value is False:
        return None if value is None else ()
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise M6RecError(
            f"`interactions.{key}` takes a list of strings",
            where=where,
            hint=f'for instance {key} = ["{_EXAMPLES[key]}"]',
        )
    return tuple(value)


def _string(value: object, path: str, where: str) -> str:
    if not isinstance(value, str):
        raise M6RecError(f"`{path}` takes a string, not {value!r}", where=where)
    return value
