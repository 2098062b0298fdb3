"""TOML text to tables; a text that is no TOML is an error that names the file."""

import tomllib
from pathlib import Path
from typing import Any

from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.file_faults import first_line


def read_toml(path: Path, what: str, missing_hint: str | None = None) -> dict[str, Any]:
    """Read a TOML file.

    Args:
        what: Names the file in an error, such as "the schema file".
        missing_hint: What the user can do if the file does not exist.

    Raises:
        M6RecError: The file does not exist or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise M6RecError(f"{what} does not exist", where=str(path), hint=missing_hint) from None
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, or nested too deeply
        raise M6RecError(f"{what} is not TOML: {first_line(error)}", where=str(path)) from None
