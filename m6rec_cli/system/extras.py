"""Optional libraries: check that one is installed, or say which command installs it."""

import importlib
import importlib.util

from m6rec_cli.system.errors import M6RecError

_MODULES = {
    "media": "av",
    "onnx": "onnxruntime",
    "excel": "fastexcel",
    "duckdb": "duckdb",
    "tensorboard": "tensorboardX",
    "tune": "optuna",
}
"""The module of each extra."""
PURPOSES = {
    "media": "sounds and videos",
    "onnx": "frozen ONNX encoders",
    "excel": "spreadsheets",
    "duckdb": "DuckDB databases",
    "tensorboard": "training curves in TensorBoard",
    "tune": "the search for settings",
}
"""What each extra is for."""


def is_installed(extra: str) -> bool:
    """Whether the library of an extra is there; it is not imported."""
    return importlib.util.find_spec(_MODULES[extra]) is not None


def require(extra: str, what: str) -> None:
    """Check that the library of an extra can be imported.

    Args:
        extra: A key of `_MODULES`, as in `pip install 'm6rec-cli[...]'`.
        what: The start of the error's sentence: "the feature `clip` (video) needs".

    Raises:
        M6RecError: It is not installed, or its installation is broken.
    """
    try:
        importlib.import_module(_MODULES[extra])
    except ImportError as error:
        raise M6RecError(
            f"{what} the extra `{extra}`, which is not installed",
            where=str(error),
            hint=f"pip install 'm6rec-cli[{extra}]'",
        ) from None
