"""Refusals before the work: outputs that may not be written, or would replace an input."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.work_files import WORK_PREFIX, remove_dead_files, work_file

Kind = Literal["data", "run", "report", "state", "export", "search"]
"""The kinds of directories that commands write."""
MANIFESTS = ("manifest.json", "run.json")
"""The file that is written last into a data directory or run directory."""
_NAMES: dict[Kind, set[str]] = {
    "data": {"manifest.json", "users.parquet", "items.parquet", "events", "media", "features"},
    "run": {
        *("run.json", "origin.json", "config.toml", "features", "catalogue", "steps"),
        "metrics.jsonl",
    },
    "report": {"report.json", "report.html", "config.toml"},
    "state": {"state.json"},
    "export": {
        *("export.json", "item_vectors.parquet", "item_vectors.npy", "user_vectors.parquet"),
        *("user_vectors.npy", "score.jax", "graphs", "ranking.json", "check.py", "check.npz"),
        "flatbuffers",
    },
    "search": {
        *("search.json", "space.toml", "study.db", "study.db-journal", "trials", "trials.csv"),
        *("best.toml", "run"),
    },
}
"""The top-level names in a directory of each kind."""
_USUAL_NAMES = {
    *("events", "media", "features", "config.toml", "graphs", "check.py", "check.npz"),
    *("trials", "run", "best.toml", "space.toml"),
}
"""Other programs write files and folders with these names."""
MARKERS: dict[str, tuple[Kind, str]] = {
    "manifest.json": ("data", "format"),
    "run.json": ("run", "format"),
    "origin.json": ("run", "stage"),
    "report.json": ("report", "manifest"),
    "state.json": ("state", "format"),
    "export.json": ("export", "vectors"),
    "search.json": ("search", "space"),
}
"""Files that show what a command has written there or has begun to, with a key of each."""
_ARTICLES: dict[str, str] = {
    "data": "a data directory",
    "run": "a run",
    "report": "a report",
    "state": "a state",
    "export": "an export",
    "search": "a search",
}


def kind_of(folder: Path) -> Kind | None:
    """What a directory of ours is; None for a folder that m6rec did not write.

    A marker has to hold our key, since `manifest.json` is a usual name; a damaged one counts if
    other files of the kind, with less usual names, lie beside it.
    """
    for marker, (kind, key) in MARKERS.items():
        if not (folder / marker).is_file():
            continue
        try:
            tree = json.loads((folder / marker).read_bytes())
        except (ValueError, RecursionError, OSError):
            tree = None
        others = _NAMES[kind] - _USUAL_NAMES - {marker}
        if (isinstance(tree, dict) and key in tree) or any((folder / n).exists() for n in others):
            return kind
    return None


def refuse_nonempty(out: Path, *, kind: Kind, overwrite: bool, also: str = "") -> None:
    """Raise unless a directory may be written at `out`.

    It may if `out` is absent or empty, and with `overwrite` also if it is a directory of the same
    kind and m6rec wrote all that it holds.

    Args:
        kind: What is to be written.
        also: Another way out, appended to the error's hint.

    Raises:
        M6RecError: The output exists and may not be replaced.
    """
    if out.exists() and not out.is_dir():
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
    names = [name for name in names if not name.startswith(WORK_PREFIX)]
    if not names:
        return
    found = kind_of(out)
    if found is not None and found != kind:
        raise M6RecError(
            f"the output directory is {_ARTICLES[found]}, and this command writes "
            f"{_ARTICLES[kind]}: `--overwrite` replaces only a directory of the same kind",
            where=str(out),
            hint="choose another `--out`, or remove the directory",
        )
    foreign = [name for name in names if name not in _NAMES[kind]]
    if found is None or foreign:
        raise M6RecError(
            "the output directory holds files that m6rec did not write, so `--overwrite` refuses "
            "it",
            where=str(out / foreign[0]) if foreign else str(out),
            hint="move them, or choose another `--out`",
        )


def check_output_file(out: Path, *, overwrite: bool) -> None:
    """Raise unless a file may be written at `out`.

    Raises:
        M6RecError: It exists without `overwrite`, is no file, or is a part of a directory of ours.
    """
    if out.is_dir():
        raise M6RecError(
            "the output is a directory where a file is wanted", where=str(out), hint="name a file"
        )
    if not out.exists():
        return
    if not overwrite:
        raise M6RecError(
            "the output exists", where=str(out), hint="pass `--overwrite` to replace it"
        )
    path = out.resolve()
    for folder in path.parents[:4]:
        kind = kind_of(folder)
        first = path.relative_to(folder).parts[0]
        is_part = kind is not None and (first in _NAMES[kind] or kind == "state")
        if is_part and (kind, path.parent) != ("report", folder):
            raise M6RecError(
                f"the output is a file of {_ARTICLES[str(kind)]}, which would be damaged",
                where=str(out),
                hint="choose another `--out`",
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

    Removes the unfinished files of killed processes there.

    Raises:
        OSError: The folder cannot be written.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    remove_dead_files(out.parent)
    with work_file(out):
        pass
