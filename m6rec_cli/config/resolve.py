"""Defaults, preset, file and `--set` values to one checked configuration.

Order of precedence: defaults < the stage's defaults < preset < `--config FILE.toml` < `--set
key=value`; a command's flags are `--set` in short form. Values are TOML literals and are never
evaluated.
"""

import dataclasses
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, get_type_hints

from m6rec_cli.config.keys import all_keys, key_of
from m6rec_cli.config.settings import PRESETS, STAGE_DEFAULTS, Config
from m6rec_cli.config.value_checks import checked_value
from m6rec_cli.system.errors import M6RecError, UsageError, missing_path_hint, nearest_hint

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

S = TypeVar("S", bound="DataclassInstance")

_LIST_OF_KEYS = "m6rec guide configuration"
_READ_BY = {
    "data": ("preprocess",),
    "model": ("pretrain", "finetune"),
    "train": ("pretrain", "finetune"),
    "recommend": ("recommend", "evaluate", "export"),
    "evaluate": ("evaluate",),
}
"""The commands that read the keys of each section."""
_SHORT_DECIMAL = re.compile(r"[+-]?(\.\d+|\d+\.)")
"""A number as people write it in a shell, which TOML does not read: `.5`, `1.`."""


def resolve(
    stage: str = "",
    *,
    preset: str | None = None,
    file: Path | None = None,
    sets: Iterable[str] = (),
    flags: Mapping[str, tuple[str, object]] | None = None,
    base: Mapping[str, object] | None = None,
    command: str = "",
) -> Config:
    """Merge the layers into one checked configuration.

    Args:
        stage: Adds the defaults of this stage (`pretrain`, `finetune`).
        sets: `key=value` strings; a value that is neither a TOML literal nor a short
            decimal such as `.5` is taken as a string.
        flags: A command's flags with their keys and values, `{"--split": ("data.split", value)}`;
            None for a flag that was not given.
        base: Dotted keys that replace the defaults first (a parent run's model section).
        command: Refuse a `--set` of a key that this command does not read. A file may have the
            keys of all commands.

    Raises:
        UsageError: A flag contradicts a `--set` of the same key: neither may silently win.
        M6RecError: A key or preset is unknown, a value has the wrong type or is out of bounds, or
            the command does not read a key.
    """
    layers: list[tuple[str, Mapping[str, object]]] = [
        ("the parent run", base or {}),
        ("defaults", STAGE_DEFAULTS.get(stage, {})),
    ]
    if preset is not None:
        if preset not in PRESETS:
            raise M6RecError(
                f"unknown preset `{preset}`", where="--preset", hint=nearest_hint(preset, PRESETS)
            )
        layers.append(("--preset", PRESETS[preset]))
    if file is not None:
        layers.append((str(file), flatten(_read_toml(file))))
    set_values = dict(map(_parse_set, sets))
    layers.append(("--set", set_values))
    for flag, (key, value) in (flags or {}).items():
        if value is None:
            continue
        if set_values.get(key, value) != value:
            raise UsageError(
                f"`{flag}` means `{key}={value}`, which contradicts "
                f"`--set {key}={set_values[key]}`",
                hint=f"`{key}` is given twice; leave one out",
            )
        layers.append((flag, {key: value}))
    config = Config()
    for where, values in layers:
        config = with_values(config, values, where)
    if command:
        _refuse_unread(set_values, command)
    return config


def flatten(tree: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Nested tables to one table of dotted keys."""
    flat: dict[str, object] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def section_values(config: Config, name: str) -> dict[str, object]:
    """The dotted keys and values of one section, as `resolve(base=...)` takes them."""
    return flatten({name: dataclasses.asdict(getattr(config, name))})


def with_values(config: Config, values: Mapping[str, object], where: str) -> Config:
    """A copy of a configuration in which dotted keys have new values.

    Args:
        where: The layer that has the values, for errors.

    Raises:
        M6RecError: A key is unknown, or a value has the wrong type or is out of bounds.
    """
    for key, value in values.items():
        config = _with_value(config, key, value, where)
    return config


def _refuse_unread(set_values: Mapping[str, object], command: str) -> None:
    for key in set_values:
        readers = _READ_BY[key.partition(".")[0]]
        if command not in readers:
            raise M6RecError(
                f"`m6rec {command}` does not read `{key}`, so setting it has no effect",
                where="--set",
                hint="the key is for " + " and ".join(f"`m6rec {reader}`" for reader in readers),
            )


def _read_toml(path: Path) -> dict[str, object]:
    from m6rec_cli.system.toml_files import read_toml  # late: for files only

    return read_toml(path, "the configuration file", missing_path_hint(path))


def _parse_set(text: str) -> tuple[str, object]:
    """`key=value` to the key and its value.

    A value that is neither a TOML literal nor a short decimal is a string.
    """
    key, sign, raw = text.partition("=")
    if not sign or not key.strip():
        raise M6RecError(
            f"`{text}` is not of the form key=value",
            where="--set",
            hint="for instance `--set train.epochs=5`",
        )
    try:
        table = tomllib.loads(f"value = {raw.strip()}")
    except (ValueError, RecursionError):
        word = raw.strip()
        return key.strip(), float(word) if _SHORT_DECIMAL.fullmatch(word) else word
    if table.keys() != {"value"}:
        raise M6RecError(
            f"`{text}` sets more than one key",
            where="--set",
            hint="pass `--set` once for each key",
        )
    return key.strip(), table["value"]


def _with_value(config: S, key: str, value: object, where: str, prefix: str = "") -> S:
    """A copy of a section in which one key, dotted below the section, has a new value."""
    head, _, rest = key.partition(".")
    known = {f.name: f for f in dataclasses.fields(config)}
    full = f"{prefix}{head}"
    if head not in known or (rest and not dataclasses.is_dataclass(getattr(config, head))):
        raise M6RecError(
            f"unknown configuration key `{prefix}{key}`",
            where=where,
            hint=nearest_hint(prefix + key, all_keys(Config), listed_by=_LIST_OF_KEYS),
        )
    if rest:
        inner = _with_value(getattr(config, head), rest, value, where, full + ".")
        return dataclasses.replace(config, **{head: inner})
    if dataclasses.is_dataclass(getattr(config, head)):
        raise M6RecError(
            f"`{full}` is a section, not a key",
            where=where,
            hint=nearest_hint(full, all_keys(Config), listed_by=_LIST_OF_KEYS),
        )
    kind = get_type_hints(type(config))[head]
    checked = checked_value(key_of(known[head]), kind, value, full, where)
    return dataclasses.replace(config, **{head: checked})
