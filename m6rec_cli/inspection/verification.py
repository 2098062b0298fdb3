"""Recorded digests of an output to the files that differ from them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from m6rec_cli.system import digests
from m6rec_cli.system.work_files import WORK_PREFIX


@dataclass(frozen=True, kw_only=True)
class RecordedDigests:
    """The SHA-256 digests that an output has of its files.

    Attributes:
        files: By path.
        folders: One digest over all files of a folder, see `folder_digest`, by path.
        manifest: The name of the file at the top of a folder that its digest leaves out.
    """

    files: Mapping[Path, str] = field(default_factory=dict)
    folders: Mapping[Path, str] = field(default_factory=dict)
    manifest: str = ""


@dataclass(frozen=True)
class Verification:
    """What was checked, and each damaged or missing file with the reason."""

    checked: int
    problems: tuple[str, ...]


def verify(recorded: RecordedDigests) -> Verification:
    """Read all files that have a digest."""
    problems: list[str] = []
    checked = 0
    for path, expected in recorded.files.items():
        if not path.is_file():
            problems.append(f"{path}: missing")
            continue
        checked += 1
        if digests.of_file(path) != expected:
            problems.append(f"{path}: its digest is not the recorded one")
    for folder, expected in recorded.folders.items():
        paths = _files_below(folder, recorded.manifest)
        checked += len(paths)
        if folder_digest(folder, paths) != expected:
            problems.append(f"{folder}: a file was changed, added or removed")
    return Verification(checked, tuple(problems))


def folder_digest(folder: Path, paths: list[Path]) -> str:
    """SHA-256 over the names and the digests of files, as manifests record it."""
    total = hashlib.sha256()
    for path in paths:
        total.update(f"{path.relative_to(folder).as_posix()} {digests.of_file(path)}\n".encode())
    return total.hexdigest()


def _files_below(folder: Path, manifest: str) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path != folder / manifest and not path.name.startswith(WORK_PREFIX)
    )
