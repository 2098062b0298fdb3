"""Files and folders to SHA-256 digests, as hexadecimal text."""

import hashlib
from pathlib import Path


def of_file(file: Path) -> str:
    """SHA-256 of a file's bytes."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def of_directory(folder: Path) -> str:
    """SHA-256 over the names and the digests of all files below a folder."""
    total = hashlib.sha256()
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        total.update(f"{file.relative_to(folder).as_posix()} {of_file(file)}\n".encode())
    return total.hexdigest()
