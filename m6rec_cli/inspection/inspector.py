"""A path to the description of the output that lies there."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from m6rec_cli.inspection.description import Description
from m6rec_cli.inspection.kinds._base import KINDS, InspectedKind
from m6rec_cli.inspection.verification import verify as verify_files
from m6rec_cli.system.errors import M6RecError, missing_path_hint
from m6rec_cli.system.output_checks import MARKERS, kind_of


class ForeignError(M6RecError):
    """A file or directory that m6rec did not write."""


def inspect(path: Path, *, verify: bool = False) -> Description:
    """Describe an output: a directory, a file of its top level, or a file of lists.

    Args:
        path: A manifest stands for its directory.
        verify: Read all files and compare them with their digests, raw inputs too.

    Raises:
        ForeignError: m6rec did not write it.
        M6RecError: There is nothing, or its manifest is damaged.
    """
    if not path.exists():
        raise M6RecError(
            "there is no such file or directory", where=str(path), hint=missing_path_hint(path)
        )
    if path.name in MARKERS and kind_of(path.parent) is not None:
        path = path.parent
    kind = _kind(path)
    found = kind.describe(path, verify=verify)
    sizes = list(_sizes(path))
    found = replace(found, bytes=sum(sizes), files=len(sizes), modified=_last_change(path))
    recorded = kind.recorded_digests(path)
    found = replace(found, has_digests=bool(recorded.files))
    if not verify:
        return found
    result = verify_files(recorded)
    return replace(found, problems=result.problems, checked=result.checked)


def _kind(path: Path) -> InspectedKind:
    marked = kind_of(path)
    # The kind that a manifest names comes first: the other kinds are then not even imported.
    for name in sorted(KINDS.names(), key=lambda name: name != marked):
        kind = KINDS.load(name)
        if kind.recognises(path):
            return kind
    kinds = ", ".join(f"`{name}`" for name in KINDS.names())
    raise ForeignError(
        "this is no output of m6rec",
        where=str(path),
        hint=f"outputs are of the kinds {kinds}; `m6rec preprocess --interactions FILE --dry-run` "
        "shows how a raw table is read",
    )


def _last_change(path: Path) -> str:
    date = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return date.isoformat(timespec="seconds").replace("+00:00", "Z")


def _sizes(path: Path) -> Iterator[int]:
    """The size of each file; one that vanishes in the meantime is left out."""
    if path.is_file():
        yield path.stat().st_size
        return
    for folder, _, names in os.walk(path):
        for name in names:
            file = Path(folder) / name
            if file.is_file():
                yield file.stat().st_size
