"""Part folders: each file of such a folder is a choice, and its name is the choice's name.

`names("model.decoders")` lists the folder without importing its files, so that `--help` and the
configuration know the choices without jax. `Part` adds a type: the `Protocol` of the files, from
the folder's `_base.py`, against which pyright checks every use.
"""

import importlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Generic, TypeVar, cast

from m6rec_cli.system.errors import M6RecError, nearest_hint

PACKAGE_FOLDER = Path(__file__).parent.parent

P = TypeVar("P")


@dataclass(frozen=True)
class Part(Generic[P]):
    """A part folder whose files all satisfy the protocol `P`.

    Example: `DECODERS = Part[CellFile]("model.decoders")`.

    Attributes:
        folder: Dotted path below the package.
        what: What errors call a choice; by default the folder's name in the singular.
    """

    folder: str
    what: str = ""

    def names(self) -> tuple[str, ...]:
        """The choices, sorted; see `names`."""
        return names(self.folder)

    def option_names(self) -> list[str]:
        """The choices on the command line; see `option_names`."""
        return option_names(self.folder)

    def load_option(self, option: str) -> P:
        """Import the file of a choice written with hyphens; see `load`."""
        return self.load(option.replace("-", "_"))

    def load(self, name: str) -> P:
        """Import the file `name`; see `load`."""
        return cast(P, load(self.folder, name, self.what))


@cache
def names(folder: str) -> tuple[str, ...]:
    """The choices of a part folder such as `model.decoders`, sorted.

    Files whose names start with `_` are helpers, not choices.
    """
    path = PACKAGE_FOLDER.joinpath(*folder.split("."))
    return tuple(sorted(p.stem for p in path.glob("*.py") if not p.stem.startswith("_")))


def option_names(folder: str) -> list[str]:
    """The choices as the command line writes them: with hyphens for underscores."""
    return [name.replace("_", "-") for name in names(folder)]


def load(folder: str, name: str, what: str = "") -> ModuleType:
    """Import the file `name` of a part folder.

    Raises:
        M6RecError: There is no such file; the hint names the nearest one.
    """
    if name not in names(folder):
        what = what or folder.rpartition(".")[2].rstrip("s")
        raise M6RecError(f"unknown {what} `{name}`", hint=nearest_hint(name, names(folder)))
    return importlib.import_module(f"m6rec_cli.{folder}.{name}")
