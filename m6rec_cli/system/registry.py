"""Part folders: a file in the folder is a choice of its name, with no list to keep in step.

`names("model.decoders")` reads the folder only, so that `--help` and the configuration can name the
choices without importing jax; `load` imports the one that is wanted.
"""

import importlib
from functools import cache
from pathlib import Path
from types import ModuleType

from m6rec_cli.system.errors import M6RecError, nearest

_ROOT = Path(__file__).parent.parent


@cache
def names(part: str) -> tuple[str, ...]:
    """The choices of a part folder such as `model.decoders`, sorted.

    Files whose name starts with `_` are helpers of the folder and not choices.
    """
    folder = _ROOT.joinpath(*part.split("."))
    return tuple(sorted(p.stem for p in folder.glob("*.py") if not p.stem.startswith("_")))


def load(part: str, name: str) -> ModuleType:
    """Import the module `name` of the part folder.

    Raises:
        M6RecError: The folder has no such file; the error names the nearest one.
    """
    if name not in names(part):
        raise M6RecError(
            f"unknown {part.rpartition('.')[2].rstrip('s')} `{name}`",
            hint=nearest(name, names(part)),
        )
    return importlib.import_module(f"m6rec_cli.{part}.{name}")
