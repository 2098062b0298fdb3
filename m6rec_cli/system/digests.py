"""Files and folders to SHA-256 digests, as hexadecimal text."""

import hashlib
from collections.abc import Mapping
from pathlib import Path


def of_file(file: Path) -> str:
    """SHA-256 of a file's bytes."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def of_files(folder: Path) -> dict[str, str]:
    """SHA-256 of each file below a folder, by its path within the folder, sorted."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {file.relative_to(folder).as_posix(): of_file(file) for file in files}


def of_listing(files: Mapping[str, str]) -> str:
    """SHA-256 over the names and the digests of files."""
    text = "".join(f"{name} {digest}\n" for name, digest in files.items())
    return hashlib.sha256(text.encode()).hexdigest()


def of_directory(folder: Path) -> str:
    """SHA-256 over the names and the digests of all files below a folder."""
    return of_listing(of_files(folder))
