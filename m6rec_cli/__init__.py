"""m6rec: recommendations from a generative pre-trained multimodal model.

The stages are functions, too, with the names and options of the commands: `m6rec guide python`.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from m6rec_cli.api.evaluate import evaluate
    from m6rec_cli.api.finetune import finetune
    from m6rec_cli.api.metrics import metrics
    from m6rec_cli.api.preprocess import preprocess
    from m6rec_cli.api.pretrain import pretrain
    from m6rec_cli.api.recommend import recommend
    from m6rec_cli.api.recommender import Recommender, load
    from m6rec_cli.system.errors import M6RecError

__version__ = "0.1.0"
__all__ = [
    "M6RecError",
    "Recommender",
    "evaluate",
    "finetune",
    "load",
    "metrics",
    "preprocess",
    "pretrain",
    "recommend",
]

_MODULES = {
    "M6RecError": "m6rec_cli.system.errors",
    "Recommender": "m6rec_cli.api.recommender",
    "load": "m6rec_cli.api.recommender",
}
"""Where the names are that no module of the wing `api` is called after."""


def __getattr__(name: str) -> object:
    """Import what is asked for: `import m6rec_cli` alone imports no library."""
    if name not in __all__:
        raise AttributeError(f"module `m6rec_cli` has no attribute `{name}`")
    return getattr(importlib.import_module(_MODULES.get(name, f"m6rec_cli.api.{name}")), name)
