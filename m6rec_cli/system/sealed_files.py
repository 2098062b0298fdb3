"""The files of a finished directory, each compared with its digest when it is read.

The manifest, written last, lists the SHA-256 of every other file under `files`, and its own under
`seal`. A reader takes nothing from a directory that the manifest it opened does not vouch for: a
damaged file is refused by name, and so is a file of another directory that took the place of the
first in the meantime.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeVar

from m6rec_cli.system.directories import read_json, write_json
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.file_faults import unreadable_as

FILES, SEAL = "files", "seal"
_Content = TypeVar("_Content")


class ReplacedError(M6RecError):
    """Another directory took the place of the one that is read."""


@dataclass(frozen=True, kw_only=True)
class SealedDirectory:
    """A finished directory.

    Attributes:
        manifest: The file name of the manifest.
        files: The SHA-256 of each file, by its path within the directory.
        seal: The digest of the manifest.
        what: Names the directory in errors, such as `data directory`.
        hint: What the user can do about a damaged file.
    """

    path: Path
    manifest: str
    files: Mapping[str, str]
    seal: str
    what: str
    hint: str
    _verified: dict[str, tuple[int, ...]] = field(default_factory=dict, repr=False, compare=False)

    @contextmanager
    def open(self, name: str) -> Iterator[BufferedReader]:
        """Yield a file that has the digest of the manifest; it is computed once.

        What is read from the open file stays the same if the directory is replaced.

        Raises:
            M6RecError: The file is missing or damaged.
            ReplacedError: The directory was replaced since it was opened.
        """
        path = self.path / name
        if name not in self.files:
            raise self.refusal(name, "missing")
        try:
            file = path.open("rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise self.refusal(name, "missing") from None
        with file:
            self._verify(name, file)
            yield file

    def read(self, name: str, reader: Callable[[BufferedReader], _Content]) -> _Content:
        """Read a file with `reader`.

        Raises:
            M6RecError: See `open`; or the reader failed.
        """
        with (
            self.open(name) as file,
            unreadable_as(lambda reason: self.refusal(name, f"damaged: {reason}")),
        ):
            return reader(file)

    def check(self, *names: str) -> None:
        """Compare files with their digests, for readers that open the path themselves.

        Raises:
            M6RecError: See `open`.
        """
        for name in names:
            with self.open(name):
                pass

    def copy(self, name: str, target: Path) -> None:
        """Copy a file to the path `target`."""
        with self.open(name) as file, target.open("wb") as out:
            shutil.copyfileobj(file, out)

    def names(self, folder: str) -> list[str]:
        """The sorted paths of the files below a folder."""
        return sorted(name for name in self.files if name.startswith(f"{folder}/"))

    def require_same_names(self, folder: str) -> None:
        """Raise if a file was removed from a folder or added to it.

        Raises:
            M6RecError: Names the first such file.
        """
        listed = set(self.names(folder))
        found = {
            path.relative_to(self.path).as_posix()
            for path in (self.path / folder).rglob("*")
            if path.is_file() and not path.name.startswith(".")
        }
        if listed - found:
            raise self.refusal(min(listed - found), "missing")
        if found - listed:
            raise M6RecError(
                f"the {self.what} has a file that does not belong to it",
                where=str(self.path / min(found - listed)),
                hint=f"remove it, or {self.hint}",
            )

    def require_unchanged(self) -> None:
        """Raise `ReplacedError` if another directory stands at the path now."""
        if self.is_replaced():
            raise ReplacedError(
                f"the {self.what} was replaced while it was read",
                where=str(self.path),
                hint="run the command again",
            )

    def is_replaced(self) -> bool:
        """Whether the directory is gone, or has another manifest."""
        try:
            return read_json(self.path / self.manifest, "")[SEAL] != self.seal
        except (M6RecError, LookupError, TypeError):
            return True

    def refusal(self, name: str, state: str) -> M6RecError:
        """The error for a file that is missing or damaged.

        Args:
            state: `missing`, or `damaged: ` and the reason.
        """
        if self.is_replaced():
            return ReplacedError(
                f"the {self.what} was replaced or removed while it was read",
                where=str(self.path),
                hint="run the command again",
            )
        return M6RecError(
            f"a file of the {self.what} is {state}", where=str(self.path / name), hint=self.hint
        )

    def _verify(self, name: str, file: BufferedReader) -> None:
        found = os.fstat(file.fileno())
        identity = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
        if self._verified.get(name) == identity:
            return
        if hashlib.file_digest(file, "sha256").hexdigest() != self.files[name]:
            raise self.refusal(name, "damaged: its digest differs from that in the manifest")
        file.seek(0)
        self._verified[name] = identity


def write_sealed(path: Path, tree: Mapping[str, object]) -> str:
    """Write a manifest as JSON with its own digest, and return the digest."""
    tree = json.loads(json.dumps(tree, allow_nan=False))
    seal = _seal_of(tree)
    write_json(path, {**tree, SEAL: seal})
    return seal


def read_sealed(
    path: Path, what: str, *, owner: str, version: int, old_hint: str, hint: str
) -> dict[str, Any]:  # Any: decoded JSON
    """Read a manifest that `write_sealed` wrote.

    Args:
        what: Names the file in an error, such as "the run's manifest".
        owner: Names what it describes, such as "the run".
        version: The format that this version reads.
        old_hint: What the user can do about another format.
        hint: What the user can do about a damaged file.

    Raises:
        M6RecError: The file is missing, damaged or of another format.
    """

    def damaged(reason: str) -> M6RecError:
        return M6RecError(f"{what} is damaged: {reason}", where=str(path), hint=hint)

    tree = read_json(path, what)
    if not isinstance(tree, dict):
        raise damaged("it is no JSON object")
    if "format" not in tree:
        raise damaged("no key `format`")
    if tree["format"] != version:
        raise M6RecError(
            f"{owner} has format {tree['format']}, this version reads {version}",
            where=str(path),
            hint=old_hint,
        )
    if not has_its_seal(tree):
        raise damaged("it was changed after it was written")
    return tree


def has_its_seal(tree: Mapping[str, object]) -> bool:
    """Whether a manifest has the digest of its other values."""
    return tree.get(SEAL) == _seal_of(tree)


def _seal_of(tree: Mapping[str, object]) -> str:
    """SHA-256 of the values of a manifest, whatever the order and the white space in the file."""
    unsealed = {key: value for key, value in tree.items() if key != SEAL}
    text = json.dumps(unsealed, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
