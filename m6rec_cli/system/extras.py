"""Optional libraries: asked for where a column needs one, with the command that installs it in the error."""

import importlib

from m6rec_cli.system.errors import M6RecError

_MODULES = {"media": "av", "onnx": "onnxruntime"}


def require(extra: str, what: str) -> None:
    """Raise unless the library of an extra can be imported.

    Args:
        extra: `media` or `onnx`, as in `pip install 'm6rec-cli[...]'`.
        what: What needs it, the beginning of a sentence: "the feature `clip` (video) needs".

    Raises:
        M6RecError: It is not installed, or broken.
    """
    try:
        importlib.import_module(_MODULES[extra])
    except ImportError as error:
        raise M6RecError(
            f"{what} the extra `{extra}`, which is not installed",
            where=str(error),
            hint=f"pip install 'm6rec-cli[{extra}]'",
        ) from None
