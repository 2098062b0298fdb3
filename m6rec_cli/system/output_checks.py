"""Refusals before the work: outputs that may not be written, or would replace an input."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from m6rec_cli.system.errors import M6RecError

MANIFESTS = ("manifest.json", "run.json")
"""The file that is written last into a data directory or run directory."""
_WRITTEN_NAMES = {
    *MANIFESTS,
    "config.toml",
    "features",
    "users.parquet",
    "items.parquet",
    "events",
    "media",
    "origin.json",
    "catalogue",
    "steps",
    "metrics.jsonl",
    "report.html",
    "report.json",
}
"""The top-level names in the directories that commands write: data, runs and reports."""
_MARKERS = (*MANIFESTS, "origin.json", "report.json")
"""Each of them shows that a command has written the directory or has begun to."""
WORK_PREFIX = ".writing-"
"""Prefix of the name of a file or folder while it is being written."""


def refuse_nonempty(out: Path, *, overwrite: bool, also: str = "") -> None:
    """Raise unless a directory may be written at `out`.

    It may if `out` is absent or empty, and with `overwrite` also if m6rec wrote all that it holds.

    Args:
        also: Another way out, appended to the error's hint.

    Raises:
        M6RecError: The output exists and may not be replaced.
    """
    if out.is_file():
        raise M6RecError(
            "the output is a file where a directory is wanted",
            where=str(out),
            hint="name a directory, or remove the file",
        )
    names = sorted(path.name for path in out.iterdir()) if out.is_dir() else []
    if names and not overwrite:
        hint = f"choose another `--out`, or pass `--overwrite`{also}"
        raise M6RecError("the output directory is not empty", where=str(out), hint=hint)
    if out.is_dir() and (os.path.ismount(out) or out.samefile(Path.cwd())):
        what = "a mount point" if os.path.ismount(out) else "the working directory"
        raise M6RecError(
            f"the output is {what}, which cannot be replaced by another directory",
            where=str(out),
            hint="name a directory within it",
        )
    foreign = [
        name for name in names if name not in _WRITTEN_NAMES and not name.startswith(WORK_PREFIX)
    ]
    if foreign or (names and not any((out / marker).exists() for marker in _MARKERS)):
        raise M6RecError(
            "the output directory holds files that m6rec did not write, so `--overwrite` refuses "
            "it",
            where=str(out / foreign[0]) if foreign else str(out),
            hint="move them, or choose another `--out`",
        )


def refuse_input_as_output(out: Path, inputs: Iterable[Path]) -> None:
    """Raise if writing `out` would replace an input of the command.

    Raises:
        M6RecError: The output is one of the inputs, or a folder that holds one.
    """
    out_path = out.resolve()
    for path in inputs:
        if out_path == path.resolve() or out_path in path.resolve().parents:
            raise M6RecError(
                f"the output would replace the input `{path}`",
                where=str(out),
                hint="choose another `--out`",
            )


def require_writable(out: Path) -> None:
    """Write a temporary file beside `out`, so that a refusal comes before the work.

    Raises:
        OSError: The folder cannot be written.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=out.parent, prefix=WORK_PREFIX):
        pass
