"""JSON files of any version to values, without trust in what they hold."""

import json
from collections.abc import Mapping
from pathlib import Path

from m6rec_cli.system.errors import M6RecError

Tree = dict[str, object]


def read_object(path: Path) -> Tree:
    """The JSON object in a file.

    Raises:
        M6RecError: The file is missing, no JSON or no object.
    """
    try:
        tree = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise M6RecError("the file does not exist", where=str(path)) from None
    except (ValueError, RecursionError) as error:
        reason = str(error).partition("\n")[0]
        raise M6RecError(
            f"the file is damaged: {reason}", where=str(path), hint="restore it from a copy"
        ) from None
    if not isinstance(tree, dict):
        raise M6RecError(
            "the file is damaged: it holds no JSON object",
            where=str(path),
            hint="restore it from a copy",
        )
    return tree


def read_lines(path: Path) -> list[Tree]:
    """The objects of a JSON lines file; a last line that is being written is left out."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    found = []
    for number, line in enumerate(lines, 1):
        try:
            tree = json.loads(line)
        except (ValueError, RecursionError) as error:
            if number == len(lines) and not line.endswith("\n"):
                break
            raise M6RecError(
                f"line {number} is damaged: {error}", where=str(path), hint="restore it from a copy"
            ) from None
        if isinstance(tree, dict):
            found.append(tree)
    return found


def text(tree: Mapping[str, object], name: str) -> str | None:
    """The text of a key; None for anything else."""
    value = tree.get(name)
    return value if isinstance(value, str) else None


def number(tree: Mapping[str, object], name: str) -> int | float | None:
    """The number of a key; None for anything else."""
    value = tree.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def whole(tree: Mapping[str, object], name: str) -> int | None:
    """The integer of a key; None for anything else."""
    value = number(tree, name)
    return value if isinstance(value, int) else None


def table(tree: Mapping[str, object], name: str) -> Tree:
    """The object of a key; an empty one for anything else."""
    value = tree.get(name)
    return value if isinstance(value, dict) else {}


def objects(tree: Mapping[str, object], name: str) -> list[Tree]:
    """The objects of a list; an empty list for anything else."""
    value = tree.get(name)
    return [x for x in value if isinstance(x, dict)] if isinstance(value, list) else []


def texts(tree: Mapping[str, object], name: str) -> list[str]:
    """The texts of a list; an empty list for anything else."""
    value = tree.get(name)
    return [x for x in value if isinstance(x, str)] if isinstance(value, list) else []
