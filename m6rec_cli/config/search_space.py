"""The keys that a search may change: TOML text to choices and ranges, and back."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from m6rec_cli.config.keys import Key, Value, all_keys
from m6rec_cli.config.resolve import with_values
from m6rec_cli.config.settings import Config
from m6rec_cli.config.toml_text import toml_literal
from m6rec_cli.system.errors import M6RecError, missing_path_hint, nearest_hint
from m6rec_cli.system.toml_files import read_toml

_UNSEARCHED = {
    "train.seed": "the best of several seeds is luck, not a better setting",
    "train.valid_users": "trials are compared on the same users",
    "train.epochs": "it is the same for all trials: `--set train.epochs=...`",
    "train.max_steps": "it is the same for all trials: `--set train.max_steps=...`",
    "train.patience": "it is the same for all trials: `--set train.patience=...`",
    "train.events_per_block": "it bounds memory and hardly changes the model",
    "train.checkpoint_seconds": "it does not change the model",
    "train.data_parallel": "it does not change the model",
    "train.model_parallel": "it does not change the model",
}
_HINT = "a list of choices, `[64, 128]`, or a range, `{low = 0.1, high = 0.6}`, see `--show-space`"


@dataclass(frozen=True, kw_only=True)
class Range:
    """Numbers from `low` to `high`, both inclusive.

    Attributes:
        log: Draw on a logarithmic scale.
        step: Distance of the numbers from each other; None for all numbers (of a whole-number key,
            all whole numbers).
    """

    low: int | float
    high: int | float
    log: bool = False
    step: int | float | None = None

    @property
    def size(self) -> float:
        """How many numbers there are; infinite for a range without a step."""
        step = self.step or (1 if isinstance(self.low, int) else None)
        return math.inf if step is None else round((self.high - self.low) / step) + 1

    def holds(self, value: object) -> bool:
        """Whether a number is in the range."""
        if not isinstance(value, int | float) or not self.low <= value <= self.high:
            return False
        return self.step is None or _is_whole((value - self.low) / self.step)


@dataclass(frozen=True)
class Choices:
    """Different values of a key."""

    values: tuple[Value, ...]

    @property
    def size(self) -> float:
        """How many values there are."""
        return len(self.values)

    def holds(self, value: object) -> bool:
        """Whether a value is one of the choices."""
        return value in self.values


Space = Mapping[str, Range | Choices]
"""What a search may change, by dotted key."""


def read_space(path: Path) -> Space:
    """The space in a TOML file.

    Raises:
        M6RecError: The file is not TOML, or says something else; the error names the key.
    """
    tree = read_toml(path, "the file of the search space", missing_path_hint(path))
    return _checked(tree, str(path))


def parse_space(text: str, where: str) -> Space:
    """The space in a TOML text; see `read_space`."""
    return _checked(tomllib.loads(text), where)


def to_toml(space: Space) -> str:
    """A space as TOML text that `parse_space` reads back."""
    sections: dict[str, list[str]] = {}
    for key, dimension in space.items():
        section, _, name = key.rpartition(".")
        sections.setdefault(section, []).append(f"{name} = {_literal(dimension)}")
    blocks = ["\n".join([f"[{section}]", *lines]) for section, lines in sections.items()]
    return "\n\n".join(blocks) + "\n"


def _literal(dimension: Range | Choices) -> str:
    if isinstance(dimension, Choices):
        return f"[{', '.join(map(toml_literal, dimension.values))}]"
    values = {f.name: getattr(dimension, f.name) for f in fields(Range)}
    parts = [f"{name} = {toml_literal(value)}" for name, value in values.items() if value]
    if not dimension.low:
        parts.insert(0, f"low = {dimension.low}")
    return f"{{{', '.join(parts)}}}"


def _checked(tree: Mapping[str, object], where: str) -> Space:
    known = all_keys(Config)
    found = {
        key: _dimension(key, known[key], value, where)
        for key, value in _keys(tree, known, where, "")
    }
    if not found:
        raise M6RecError("the search space is empty", where=where, hint=f"give a key {_HINT}")
    return found


def _keys(
    tree: Mapping[str, object], known: Mapping[str, Key], where: str, prefix: str
) -> list[tuple[str, object]]:
    """The dotted keys of a tree with what stands there.

    Raises:
        M6RecError: A key is unknown, or cannot be searched.
    """
    found: list[tuple[str, object]] = []
    for name, value in tree.items():
        key = prefix + name
        if key not in known and isinstance(value, dict) and _is_section(key, known):
            found += _keys(value, known, where, f"{key}.")
            continue
        if key not in known:
            with_values(Config(), {key: value}, where)  # raises, and names the nearest key
        _refuse_unsearched(key, where)
        found.append((key, value))
    return found


def _is_section(key: str, known: Mapping[str, Key]) -> bool:
    return any(name.startswith(f"{key}.") for name in known)


def _refuse_unsearched(key: str, where: str) -> None:
    reason = _UNSEARCHED.get(key)
    if key.partition(".")[0] not in ("model", "train"):
        reason = "a search trains models, by keys of `model` and `train`"
    if reason is not None:
        raise M6RecError(f"`{key}` cannot be searched", where=where, hint=reason)


def _dimension(key: str, about: Key, value: object, where: str) -> Range | Choices:
    if isinstance(value, list):
        for choice in value:
            with_values(Config(), {key: choice}, where)
        distinct = list(dict.fromkeys(map(toml_literal, value)))
        if len(distinct) < max(2, len(value)):
            raise M6RecError(f"`{key}` needs two or more different choices", where=where)
        is_float = isinstance(about.default, float)
        return Choices(tuple(float(choice) if is_float else choice for choice in value))
    if not isinstance(value, dict):
        raise M6RecError(f"`{key}` has neither choices nor a range", where=where, hint=_HINT)
    return _range(key, about, value, where)


def _range(key: str, about: Key, value: Mapping[str, object], where: str) -> Range:
    words = [f.name for f in fields(Range)]
    for word in value:
        if word not in words:
            raise M6RecError(
                f"`{key}` has a range with the unknown word `{word}`",
                where=where,
                hint=nearest_hint(word, words),
            )
    if isinstance(about.default, bool) or not isinstance(about.default, int | float):
        raise M6RecError(
            f"`{key}` takes no numbers, so it has no range", where=where, hint="list its choices"
        )
    for word in ("low", "high"):
        if word not in value:
            raise M6RecError(f"the range of `{key}` has no `{word}`", where=where, hint=_HINT)
        with_values(Config(), {key: value[word]}, where)
    low, high = (_number(value[word], about) for word in ("low", "high"))
    log, step = value.get("log", False), value.get("step")
    if not isinstance(log, bool):
        raise M6RecError(f"`log` of `{key}` is true or false, not {log!r}", where=where)
    fault = None
    if low >= high:
        fault = "`low` is not below `high`"
    elif log and (low <= 0 or step is not None):
        fault = "`log` needs a `low` above 0 and no `step`"
    elif step is not None:
        is_whole_key = isinstance(about.default, int)
        is_right = type(step) is int or (isinstance(step, float) and not is_whole_key)
        if not is_right or not isinstance(step, int | float) or step <= 0:
            fault = f"`step` is no {'whole ' if is_whole_key else ''}number above 0"
        elif not _is_whole((high - low) / step):
            fault = "`high` is not `low` and a whole number of steps"
    if fault is not None:
        raise M6RecError(f"the range of `{key}` is wrong: {fault}", where=where)
    return Range(low=low, high=high, log=log, step=_number(step, about) if step else None)


def _number(value: object, about: Key) -> int | float:
    assert isinstance(value, int | float)
    return float(value) if isinstance(about.default, float) else value


def _is_whole(number: float) -> bool:
    return abs(number - round(number)) < 1e-9
