"""A configuration to TOML text that `--config` reads back."""

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING

import tomlkit

from m6rec_cli.config.keys import Value, key_of
from m6rec_cli.config.settings import Config

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from tomlkit.items import Table


def to_toml(config: Config, *, comments: bool = False) -> str:
    """The configuration as TOML, optionally with a comment above each key."""
    document = tomlkit.document()
    for f in fields(config):
        document.append(f.name, _table(getattr(config, f.name), comments))
    return tomlkit.dumps(document).strip() + "\n"


def toml_literal(value: Value | tuple[str, ...]) -> str:
    """One value as a TOML literal."""
    return tomlkit.item(value).as_string()


def _table(section: "DataclassInstance", comments: bool) -> "Table":
    """A section as a TOML table: its own keys, then the tables of its subsections."""
    table, subsections = tomlkit.table(), []
    for f in fields(section):
        value = getattr(section, f.name)
        if is_dataclass(value) and not isinstance(value, type):
            subsections.append((f.name, value))
            continue
        if comments:
            table.add(tomlkit.comment(key_of(f).comment))
        table.add(f.name, value)
    table.add(tomlkit.nl())
    for name, subsection in subsections:
        table.append(name, _table(subsection, comments))
    return table
