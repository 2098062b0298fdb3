"""Files to digests: what was read, and what was written."""

import glob
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from m6rec_cli.data.readers.parquet import parts_of


def of_inputs(inputs: Mapping[str, Path | None]) -> list[dict[str, Any]]:
    """Role, path as given, size and SHA-256 of every file that was read."""
    return [
        {"role": role, "path": str(file), "bytes": file.stat().st_size, "sha256": _digest(file)}
        for role, path in inputs.items() if path is not None
        for file in _files(path)
    ]  # fmt: skip


def of_directory(folder: Path) -> str:
    """One digest of the names and contents of all files: two data directories with equal ones are equal."""
    total = hashlib.sha256()
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        total.update(f"{file.relative_to(folder).as_posix()} {_digest(file)}\n".encode())
    return total.hexdigest()


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return parts_of(path)
    if path.exists():
        return [path]
    return sorted(p for p in map(Path, glob.glob(str(path), recursive=True)) if p.is_file())  # noqa: PTH207 - may be absolute
