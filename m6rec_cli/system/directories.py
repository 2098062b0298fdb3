"""Outputs that are complete or absent: written beside their final path, fsynced, then renamed.

Every command writes through this module. A directory is complete if and only if it has its manifest
(`manifest.json` or `run.json`), since that file is written last.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from m6rec_cli.system import file_faults
from m6rec_cli.system.disk_errors import note_output
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.locks import exclusive_lock
from m6rec_cli.system.output_checks import Kind, refuse_nonempty
from m6rec_cli.system.progress import Reporter
from m6rec_cli.system.replacement import replace_directory
from m6rec_cli.system.work_files import parts_folder, work_file


@contextmanager
def atomic_directory(
    out: Path,
    *,
    kind: Kind,
    overwrite: bool = False,
    is_locked: bool = False,
    report: Reporter | None = None,
) -> Iterator[Path]:
    """Yield a new directory beside `out` that is renamed to `out` if the block succeeds.

    The directory that `out` named before is removed after the rename, never earlier. If `out` is a
    symbolic link, the link stays and its target is replaced.

    Args:
        kind: What the directory is; with `overwrite` it replaces only one of its kind.
        is_locked: The caller holds the lock of `out` already.
        report: Warned where the file system has no locks.

    Raises:
        M6RecError: The output may not be replaced, or another process writes there.
    """
    refuse_nonempty(out, kind=kind, overwrite=overwrite)
    out = out.resolve()
    with nullcontext() if is_locked else exclusive_lock(out, report):
        refuse_nonempty(out, kind=kind, overwrite=overwrite)  # it may have been recovered
        work = out.parent / f".{out.name}.writing-{os.getpid()}"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        note_output(out)
        try:
            yield work
            fsync_tree(work)
            replace_directory(work, out)
        finally:
            shutil.rmtree(work, ignore_errors=True)


@contextmanager
def atomic_file(out: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a path beside `out`, with its suffixes, that is renamed to `out` if the block succeeds.

    Raises:
        M6RecError: The output exists without `overwrite`, or is a directory.
    """
    if out.exists() and not overwrite:
        raise M6RecError(
            "the output exists", where=str(out), hint="pass `--overwrite` to replace it"
        )
    if out.is_dir():
        raise M6RecError(
            "the output is a directory where a file is wanted", where=str(out), hint="name a file"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    note_output(out)
    with work_file(out) as work:
        yield work
        fsync_path(work)
        shutil.rmtree(parts_folder(work), ignore_errors=True)  # not after: a kill would leave it
        work.replace(out)
        fsync_path(out.parent)


def write_json(path: Path, value: object, *, overwrite: bool = True) -> None:
    """Write a JSON file atomically; keys keep their order."""
    with atomic_file(path, overwrite=overwrite) as work:
        work.write_text(
            json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n",
            encoding="utf-8",
        )


def read_json(path: Path, what: str) -> Any:
    """Read a JSON file.

    Args:
        what: Names the file in an error, for instance "the run's manifest".

    Raises:
        M6RecError: The file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise M6RecError(
            f"{what} is missing",
            where=str(path),
            hint="was the command that writes it interrupted?",
        ) from None
    except (ValueError, RecursionError) as error:
        raise M6RecError(
            f"{what} is damaged: {file_faults.first_line(error)}",
            where=str(path),
            hint="create the directory again",
        ) from None


def fsync_path(path: Path) -> None:
    """Flush one file or one directory's entries to disk."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def fsync_tree(root: Path) -> None:
    """Flush every file and directory below `root` to disk."""
    for folder, _, files in os.walk(root, topdown=False):
        for name in files:
            fsync_path(Path(folder) / name)
        fsync_path(Path(folder))
