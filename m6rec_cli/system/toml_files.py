"""TOML text to tables; a text that is no TOML is an error that names the file."""

import tomllib
from pathlib import Path
from typing import Any

from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.file_faults import first_line

_DEEPEST = 20


def read_toml(path: Path, what: str, missing_hint: str | None = None) -> dict[str, Any]:
    """Read a TOML file.

    Args:
        what: Names the file in an error, such as "the schema file".
        missing_hint: What the user can do if the file does not exist.

    Raises:
        M6RecError: The file does not exist or is not TOML.
    """
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
        if _is_deep(tree):
            raise RecursionError
        return tree
    except FileNotFoundError:
        raise M6RecError(f"{what} does not exist", where=str(path), hint=missing_hint) from None
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, or nested too deeply
        raise M6RecError(f"{what} is not TOML: {first_line(error)}", where=str(path)) from None


def _is_deep(tree: Any) -> bool:  # Any: decoded TOML
    """Whether tables and arrays are nested more than `_DEEPEST` times, which no key needs."""
    level: list[Any] = [tree]
    for _ in range(_DEEPEST):
        level = [inner for outer in level for inner in _values_of(outer)]
    return bool(level)


def _values_of(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
