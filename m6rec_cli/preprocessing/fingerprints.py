"""Input paths to the size and digest of every file that was read."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from m6rec_cli.data.manifest import InputFile
from m6rec_cli.preprocessing.table_files import files_of
from m6rec_cli.system import digests


def input_files(inputs: Mapping[str, Sequence[Path]]) -> list[InputFile]:
    """Path, size and SHA-256 of every file that was read.

    Args:
        inputs: Paths, globs or folders by role.
    """
    return [
        InputFile(
            role=role,
            path=str(file),
            bytes=file.stat().st_size,
            sha256=digests.of_file(file),
        )
        for role, paths in inputs.items()
        for path in paths
        for file in files_of(path)
    ]
