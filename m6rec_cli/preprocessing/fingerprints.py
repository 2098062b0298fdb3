"""Input paths to the size and digest of every file that was read."""

import glob
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from m6rec_cli.preprocessing.readers.parquet import parts_of
from m6rec_cli.system import digests


def of_inputs(inputs: Mapping[str, Path | None]) -> list[dict[str, Any]]:
    """Role, path as given, size and SHA-256 of every file that was read."""
    return [
        {
            "role": role,
            "path": str(file),
            "bytes": file.stat().st_size,
            "sha256": digests.of_file(file),
        }
        for role, path in inputs.items()
        if path is not None
        for file in _files(path)
    ]


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return parts_of(path)
    if path.exists():
        return [path]
    return sorted(p for p in map(Path, glob.glob(str(path), recursive=True)) if p.is_file())  # noqa: PTH207 - may be absolute
