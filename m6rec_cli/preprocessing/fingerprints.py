"""Input paths to the size and digest of every file that was read."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from m6rec_cli.data.manifest import InputFile
from m6rec_cli.preprocessing.local_copies import address_of, original_of
from m6rec_cli.preprocessing.table_files import files_of
from m6rec_cli.system import digests


def input_files(inputs: Mapping[str, Sequence[Path]]) -> list[InputFile]:
    """Path, size and SHA-256 of every file that was read; the address alone of a table elsewhere.

    Args:
        inputs: Paths, globs or folders by role.
    """
    return [file for role, paths in inputs.items() for path in paths for file in _files(role, path)]


def _files(role: str, path: Path) -> Iterator[InputFile]:
    address = address_of(path)
    original = original_of(path)
    if original is None:
        yield InputFile(role=role, path=address, bytes=None, sha256=None)
        return
    is_copy = address != str(path)
    for file in [original] if is_copy else files_of(path):
        yield InputFile(
            role=role,
            path=address if is_copy else str(file),
            bytes=file.stat().st_size,
            sha256=digests.of_file(file),
        )
