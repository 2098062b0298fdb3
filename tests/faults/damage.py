"""Damage to one file of a directory, and what a reader of the directory makes of it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from m6rec_cli.system.errors import M6RecError


def kinds_of_damage(path: Path, other: bytes, rng: np.random.Generator) -> Iterator[str]:
    """Damage a file in one way after the other; yield the name of each way.

    Args:
        other: The content of another file.
    """
    content = path.read_bytes()
    ways = {"another": other}
    if content:
        flipped = bytearray(content)
        flipped[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
        half = content[: len(content) // 2]
        ways |= {"half": half, "empty": b"", "one bit": bytes(flipped)}
    for way, damaged in ways.items():
        path.write_bytes(damaged)
        yield way
    path.unlink()
    yield "removed"
    path.write_bytes(content)


def outcome(read: Callable[[], object], path: Path, folder: Path, before: object = None) -> str:
    """`refused` by name, `harmless`, or what is wrong: `silent` or an exception that is a bug.

    Args:
        read: Reads the whole directory.
        path: The damaged file.
        folder: The directory, which an error may name if the manifest is gone.
        before: What `read` returns from the undamaged directory; the same again is harmless.
    """
    try:
        if read() == before is not None:
            return "harmless"
    except M6RecError as error:
        named = str(error)
        is_named = path.name in named or (path.parent == folder and str(folder) in named)
        return "refused" if is_named else f"refused without the name: {error.what}"
    except BaseException as error:  # a panic of Polars is no Exception
        return f"bug: {type(error).__name__}: {error}"
    return "silent"
