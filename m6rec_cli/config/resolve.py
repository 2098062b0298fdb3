"""The layers of a configuration made one, and checked.

Order of precedence: defaults < the stage's defaults < preset < `--config FILE.toml` < `--set key=value`
(flags of a command are `--set` in short form). Values are TOML literals and are never evaluated.
"""

import dataclasses
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from m6rec_cli.config.settings import PRESETS, STAGE_DEFAULTS, Config
from m6rec_cli.system import registry
from m6rec_cli.system.errors import M6RecError, UsageError, nearest_hint, missing_path_hint

_READ_BY = {
    "data": ("preprocess",),
    "model": ("pretrain", "finetune"),
    "train": ("pretrain", "finetune"),
    "recommend": ("recommend", "evaluate"),
    "evaluate": ("evaluate",),
}
"""Which commands read the keys of a section; `config` prints them all."""


def resolve(
    stage: str = "",
    *,
    preset: str | None = None,
    file: Path | None = None,
    sets: Iterable[str] = (),
    flags: Mapping[str, tuple[str, Any]] | None = None,
    base: Mapping[str, Any] | None = None,
    command: str = "",
) -> Config:
    """Merge the layers into one checked configuration.

    Args:
        stage: Adds the stage's own defaults (`pretrain`, `finetune`).
        base: Dotted keys laid over the defaults first (a parent run's model section).
        sets: `key=value` strings; a value that is no TOML literal is taken as a plain string.
        command: Refuses a `--set` that this command would not read; a file may have keys for all.
        flags: A command's short forms, `{"--split": ("data.split", value)}`; `None` for one that was not given.

    Raises:
        UsageError: A flag contradicts a `--set` of the same key: neither may silently win.
        M6RecError: An unknown key or preset, a value of the wrong type or out of bounds, or a key that is not read.
    """
    layers: list[tuple[str, Mapping[str, Any]]] = [
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
    named = dict(map(_parse_set, sets))
    layers.append(("--set", named))
    for flag, (key, value) in (flags or {}).items():
        if value is None:
            continue
        if named.get(key, value) != value:
            raise UsageError(
                f"`{flag}` means `{key}={value}`, which contradicts `--set {key}={named[key]}`",
                hint=f"`{key}` is given twice; leave one out",
            )
        layers.append((flag, {key: value}))
    config = Config()
    for where, values in layers:
        for key, value in values.items():
            config = _with(config, key, value, where)
    for key in named if command else ():
        readers = _READ_BY[key.partition(".")[0]]
        if command not in readers:
            raise M6RecError(
                f"`m6rec {command}` does not read `{key}`, so setting it would change nothing",
                where="--set",
                hint="it is for " + " and ".join(f"`m6rec {reader}`" for reader in readers),
            )
    return config


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables to dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def section(config: Config, name: str) -> dict[str, Any]:
    """One section as dotted keys, ready for `resolve(base=...)`."""
    return flatten({name: dataclasses.asdict(getattr(config, name))})


def keys() -> dict[str, dataclasses.Field[Any]]:
    """Every dotted key with its field."""

    def walk(cls: type, prefix: str) -> dict[str, dataclasses.Field[Any]]:
        found: dict[str, dataclasses.Field[Any]] = {}
        hints = get_type_hints(cls)
        for f in fields(cls):
            if is_dataclass(hints[f.name]):
                found |= walk(hints[f.name], f"{prefix}{f.name}.")
            else:
                found[prefix + f.name] = f
        return found

    return walk(Config, "")


def to_toml(config: Config, *, comments: bool = False) -> str:
    """The configuration as TOML that `--config` reads back."""
    docs = keys()
    lines: list[str] = []

    def table(value: Any, path: str) -> None:
        plain = [f for f in fields(value) if not is_dataclass(getattr(value, f.name))]
        if plain and path:
            lines.extend(["", f"[{path}]"])
        for f in plain:
            key = f"{path}.{f.name}"
            if comments:
                lines.append(f"# {_comment(docs[key])}")
            lines.append(f"{f.name} = {toml_literal(getattr(value, f.name))}")
        for f in fields(value):
            if is_dataclass(getattr(value, f.name)):
                table(getattr(value, f.name), f"{path}.{f.name}" if path else f.name)

    table(config, "")
    return "\n".join(lines).strip() + "\n"


def toml_literal(value: Any) -> str:
    """One value as a TOML literal."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml_literal, value)) + "]"
    escaped = "".join(
        f"\\{c}" if c in '"\\' else c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}"
        for c in str(value)
    )
    return f'"{escaped}"'


def _comment(f: dataclasses.Field[Any]) -> str:
    meta = f.metadata
    choices = meta["choices"] or (registry.names(meta["part"]) if meta["part"] else ())
    bounds = [
        f"{sign} {meta[name]:g}"
        for name, sign in (("ge", ">="), ("le", "<="))
        if meta[name] is not None
    ]
    extra = " | ".join(choices) or ", ".join(bounds)
    return meta["doc"] + (f" ({extra})" if extra else "")


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise M6RecError(
            "the configuration file does not exist", where=str(path), hint=missing_path_hint(path)
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise M6RecError(f"the configuration file is not TOML: {error}", where=str(path)) from None


def _parse_set(text: str) -> tuple[str, Any]:
    key, sign, raw = text.partition("=")
    if not sign or not key.strip():
        raise M6RecError(
            f"`{text}` is not of the form key=value",
            where="--set",
            hint="for instance `--set train.epochs=5`",
        )
    try:
        table = tomllib.loads(f"value = {raw.strip()}")
        if table.keys() != {"value"}:
            raise M6RecError(
                f"`{text}` sets more than one key",
                where="--set",
                hint="pass `--set` once for each key",
            )
        return key.strip(), table["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), raw.strip()


def _with(config: Any, key: str, value: Any, where: str, path: str = "") -> Any:
    head, _, rest = key.partition(".")
    known = {f.name: f for f in fields(config)}
    full = f"{path}{head}"
    if head not in known or (rest and not is_dataclass(getattr(config, head))):
        raise M6RecError(
            f"unknown configuration key `{path}{key}`",
            where=where,
            hint=nearest_hint(path + key, keys()),
        )
    if rest:
        return dataclasses.replace(
            config, **{head: _with(getattr(config, head), rest, value, where, full + ".")}
        )
    if is_dataclass(getattr(config, head)):
        raise M6RecError(
            f"`{full}` is a section, not a key", where=where, hint=nearest_hint(full, keys())
        )
    return dataclasses.replace(
        config,
        **{head: _checked(known[head], get_type_hints(type(config))[head], value, full, where)},
    )


def _checked(f: dataclasses.Field[Any], hint: Any, value: Any, key: str, where: str) -> Any:
    if get_origin(hint) is list:
        (inner,) = get_args(hint)
        if not isinstance(value, list) or not all(type(v) is inner for v in value):
            raise M6RecError(
                f"`{key}` takes a list of {inner.__name__}, not {value!r}",
                where=where,
                hint=f"for instance `--set '{key}={toml_literal(_example(f))}'`",
            )
        return value
    if hint is float and type(value) is int:
        value = float(value)
    if type(value) is not hint:
        raise M6RecError(
            f"`{key}` takes {_TYPE_WORDS[hint]}, not {value!r}",
            where=where,
            hint=f"for instance `{key}={toml_literal(_example(f))}`",
        )
    meta = f.metadata
    choices = meta["choices"] or (registry.names(meta["part"]) if meta["part"] else ())
    if choices and value not in choices:
        raise M6RecError(f"`{key}` cannot be `{value}`", where=where, hint=nearest_hint(value, choices))
    if hint in (int, float):
        too_low = meta["ge"] is not None and not value >= meta["ge"]
        too_high = meta["le"] is not None and not value <= meta["le"]
        if too_low or too_high:
            raise M6RecError(
                f"`{key}` is {value:g}, out of its bounds", where=where, hint=_comment(f)
            )
    return value


_TYPE_WORDS = {int: "a whole number", float: "a number", str: "a string", bool: "true or false"}


def _example(f: dataclasses.Field[Any]) -> Any:
    return f.default_factory() if f.default_factory is not dataclasses.MISSING else f.default
