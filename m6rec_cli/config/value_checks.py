"""One configuration value, checked against its key's type, choices and bounds."""

from typing import get_args, get_origin

from m6rec_cli.config.keys import Key, Value
from m6rec_cli.system.errors import M6RecError, nearest_hint

_TYPE_NAMES = {int: "a whole number", float: "a number", str: "a string", bool: "true or false"}


def checked_value(key: Key, kind: type, value: object, name: str, where: str) -> Value:
    """The value of a key; an integer becomes a float where one is expected.

    Args:
        kind: The key's type: bool, int, float, str or a list of one of them.
        name: The dotted key, for errors.
        where: The layer that has the value, for errors.

    Raises:
        M6RecError: The value has the wrong type, is no choice, or is out of bounds.
    """
    if get_origin(kind) is list:
        (inner,) = get_args(kind)
        if not isinstance(value, list) or not all(type(v) is inner for v in value):
            raise M6RecError(
                f"`{name}` takes a list of {inner.__name__}, not {value!r}",
                where=where,
                hint=f"for instance `--set '{name}={_default_literal(key)}'`",
            )
        return value
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind or not isinstance(value, bool | int | float | str):
        raise M6RecError(
            f"`{name}` takes {_TYPE_NAMES[kind]}, not {value!r}",
            where=where,
            hint=f"for instance `{name}={_default_literal(key)}`",
        )
    if isinstance(value, str):
        if key.choices and value not in key.choices:
            raise M6RecError(
                f"`{name}` cannot be `{value}`", where=where, hint=nearest_hint(value, key.choices)
            )
    elif not key.is_within_bounds(value):
        raise M6RecError(f"`{name}` is {value:g}, out of its bounds", where=where, hint=key.comment)
    return value


def _default_literal(key: Key) -> str:
    from m6rec_cli.config.toml_text import toml_literal  # late: for errors only

    return toml_literal(key.default)
