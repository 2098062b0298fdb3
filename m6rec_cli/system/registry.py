"""Part folders: every file in the folder is a choice by its own name.

`names("model.decoders")` only lists the folder, so `--help` and the configuration can name the
choices without importing jax. `Part` adds the type of what the files define: each part folder has
a `Protocol` in its `_base.py`, and pyright checks every use of a loaded file against it.
"""

import importlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Generic, TypeVar, cast

from m6rec_cli.system.errors import M6RecError, nearest

_ROOT = Path(__file__).parent.parent

P = TypeVar("P")


@dataclass(frozen=True)
class Part(Generic[P]):
    """A part folder whose files all satisfy the protocol `P`.

    Example: `DECODERS = Part[DecoderFile]("model.decoders")`.

    Attributes:
        folder: Dotted path below the package.
    """

    folder: str

    def names(self) -> tuple[str, ...]:
        """The choices, sorted; see `names`."""
        return names(self.folder)

    def load(self, name: str) -> P:
        """Import the file `name`; see `load`."""
        return cast(P, load(self.folder, name))


@cache
def names(folder: str) -> tuple[str, ...]:
    """The choices of a part folder such as `model.decoders`, sorted.

    Files whose name starts with `_` are helpers of the folder and not choices.
    """
    path = _ROOT.joinpath(*folder.split("."))
    return tuple(sorted(p.stem for p in path.glob("*.py") if not p.stem.startswith("_")))


def load(folder: str, name: str) -> ModuleType:
    """Import the file `name` of a part folder.

    Raises:
        M6RecError: The folder has no such file; the error names the nearest one.
    """
    if name not in names(folder):
        kind = folder.rpartition(".")[2].rstrip("s")
        raise M6RecError(f"unknown {kind} `{name}`", hint=nearest(name, names(folder)))
    return importlib.import_module(f"m6rec_cli.{folder}.{name}")
