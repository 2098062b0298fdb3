"""Damage to one file of a directory, and what a reader of the directory makes of it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from m6rec_cli.system.errors import M6RecError

WAYS = ("half", "empty", "one bit", "another", "removed")


class Damage(NamedTuple):
    """A damaged file and what its reader made of it, see `outcome`."""

    file: str
    way: str
    outcome: str


def damage_each_file(
    folder: Path, files: list[Path], read: Callable[[], object], *, ways_per_file: int = len(WAYS)
) -> Iterator[Damage]:
    """Damage one file after the other, and put it back; the ways take turns.

    Args:
        read: Reads the whole directory; gives an equal result if it reads the same.
        ways_per_file: How many of `WAYS` each file gets.
    """
    rng, before = np.random.default_rng(0), read()
    for i, path in enumerate(files):
        content = path.read_bytes()
        for j in range(ways_per_file):
            way = WAYS[(i * ways_per_file + j) % len(WAYS)]
            if not content and way in ("half", "empty", "one bit"):
                continue
            _damage(path, content, way, rng)
            found = outcome(read, path, folder, before)
            yield Damage(path.relative_to(folder).as_posix(), way, found)
            path.write_bytes(content)


def _damage(path: Path, content: bytes, way: str, rng: np.random.Generator) -> None:
    match way:
        case "half":
            path.write_bytes(content[: len(content) // 2])
        case "empty":
            path.write_bytes(b"")
        case "another":
            path.write_bytes(b"{}")
        case "removed":
            path.unlink()
        case "one bit":
            flip_bit(path, content, rng)


def flip_bit(path: Path, content: bytes, rng: np.random.Generator) -> None:
    """Write the content with one bit flipped."""
    flipped = bytearray(content)
    flipped[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
    path.write_bytes(flipped)


def outcome(read: Callable[[], object], path: Path, folder: Path, before: object) -> str:
    """`refused` by name, `harmless`, or what is wrong: `silent` or an exception that is a bug.

    Args:
        path: The damaged file.
        folder: The directory, which an error may name if the manifest is gone.
        before: What `read` returns from the undamaged directory; the same again is harmless.
    """
    try:
        return "harmless" if read() == before else "silent"
    except M6RecError as error:
        named = str(error)
        is_named = path.name in named or (path.parent == folder and str(folder) in named)
        return "refused" if is_named else f"refused without the name: {error.what}"
    except BaseException as error:  # a panic of Polars is no Exception
        return f"bug: {type(error).__name__}: {error}"
