"""What a file of this folder has to offer, and what several of them share."""

from pathlib import Path
from typing import Protocol

from m6rec_cli.inspection.description import Description
from m6rec_cli.inspection.json_files import Tree
from m6rec_cli.inspection.verification import RecordedDigests
from m6rec_cli.system.registry import Part


class InspectedKind(Protocol):
    """The functions of each file."""

    def recognises(self, path: Path) -> bool:
        """Whether an existing path is an output of this kind."""
        ...

    def describe(self, path: Path, *, verify: bool) -> Description:
        """The output without its size.

        Args:
            path: The output.
            verify: Compare the digests of raw inputs.
        """
        ...

    def recorded_digests(self, path: Path) -> RecordedDigests:
        """The digests that the output has of its own files."""
        ...


KINDS = Part[InspectedKind]("inspection.kinds")


def listed_files(folder: Path, manifest: Tree) -> dict[Path, str]:
    """The digests that a manifest lists under `files`, by path."""
    files = manifest.get("files")
    if not isinstance(files, dict):
        return {}
    return {folder / name: str(digest) for name, digest in files.items()}
