"""Helpers of the configuration tests: the types of all keys, and values that they take."""

import dataclasses
from typing import Any, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from m6rec_cli.config.keys import all_keys
from m6rec_cli.config.settings import Config

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
"""Any string that UTF-8 can hold."""
KEYS = all_keys(Config)


def types_of_keys(section: type = Config, prefix: str = "") -> dict[str, Any]:
    """The type of every dotted key, collected independently of `all_keys`."""
    found: dict[str, Any] = {}
    for name, kind in get_type_hints(section).items():
        if dataclasses.is_dataclass(kind):
            assert isinstance(kind, type)
            found |= types_of_keys(kind, f"{prefix}{name}.")
        else:
            found[prefix + name] = kind
    return found


TYPES = types_of_keys()


def get(config: Config, name: str) -> Any:
    """The value of a dotted key."""
    value: Any = config
    for part in name.split("."):
        value = getattr(value, part)
    return value


def valid_values(name: str) -> st.SearchStrategy[Any]:
    """Values that a key takes."""
    kind, key = TYPES[name], KEYS[name]
    if kind is bool:
        return st.booleans()
    if kind is int:
        low = int(key.ge) if key.ge is not None else -1000
        return st.integers(low, int(key.le) if key.le is not None else low + 10**6)
    if kind is float:
        low = key.ge if key.ge is not None else -1e9
        return st.floats(low, key.le if key.le is not None else 1e9, allow_nan=False)
    if kind is str:
        return st.sampled_from(key.choices) if key.choices else TEXT
    assert get_origin(kind) is list
    return st.lists(st.integers(1, 10**6) if get_args(kind) == (int,) else TEXT, max_size=4)
