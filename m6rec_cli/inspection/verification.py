"""Recorded digests of an output to the files that differ from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from m6rec_cli.inspection.json_files import read_object
from m6rec_cli.system import digests
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.sealed_files import SEAL, has_its_seal
from m6rec_cli.system.work_files import WORK_PREFIX


@dataclass(frozen=True, kw_only=True)
class RecordedDigests:
    """The SHA-256 digests that an output has of its files.

    Attributes:
        files: By path.
        manifests: JSON files that have their own digest, if this version or a later one wrote them.
        folder: Holds no other files than `files` and `manifests`; None if it may.
    """

    files: Mapping[Path, str] = field(default_factory=dict)
    manifests: tuple[Path, ...] = ()
    folder: Path | None = None


@dataclass(frozen=True)
class Verification:
    """What was checked, and each damaged or missing file with the reason."""

    checked: int
    problems: tuple[str, ...]


def verify(recorded: RecordedDigests) -> Verification:
    """Read all files that have a digest."""
    problems = [f"{p}: it was changed after it was written" for p in _changed(recorded.manifests)]
    checked = 0
    for path, expected in recorded.files.items():
        if not path.is_file():
            problems.append(f"{path}: missing")
            continue
        checked += 1
        if digests.of_file(path) != expected:
            problems.append(f"{path}: its digest is not the recorded one")
    if recorded.folder and recorded.files:
        known = {*recorded.files, *recorded.manifests}
        added = [path for path in _files_below(recorded.folder) if path not in known]
        problems += [f"{path}: it does not belong to the output" for path in added]
    return Verification(checked, tuple(problems))


def _changed(manifests: tuple[Path, ...]) -> list[Path]:
    changed = []
    for path in manifests:
        try:
            tree = read_object(path)
        except M6RecError:
            changed.append(path)
            continue
        if SEAL in tree and not has_its_seal(tree):
            changed.append(path)
    return changed


def _files_below(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(WORK_PREFIX)
    )
