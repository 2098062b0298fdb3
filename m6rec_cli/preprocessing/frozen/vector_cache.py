"""Vectors of frozen encoders kept by the content they were made from, in the user's cache directory.

`vectors/<digest of the encoder>/<digest of the rows>.npy`: structured arrays of `key` (SHA-256 of a text or of
a picture's bytes) and `vector` (float32). A file is written whole and never changed, and may be gone at any time (many
are merged to one), so that several processes can share the folder.
"""

import hashlib
from pathlib import Path
from typing import Literal

import numpy as np

from m6rec_cli.system.directories import atomic_file, cache_folder
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import Reporter

_ROWS, _FILES = 1024, 64


class VectorCache:
    """The vectors of one encoder.

    Args:
        encoder: Its digest.
        report: Warned if the cache cannot be written; the work goes on without it.

    Raises:
        M6RecError: A file of the cache is damaged.
    """

    def __init__(self, encoder: str, report: Reporter):
        self.folder = cache_folder() / "vectors" / encoder
        self._report = report
        self._known: dict[bytes, np.ndarray] = {}
        self._new: dict[bytes, np.ndarray] = {}
        files = sorted(self.folder.glob("*.npy"))
        for file in self._merged(files) if len(files) > _FILES else files:
            rows = _read(file, mmap_mode="r")
            if rows is None:
                continue
            self._known.update(
                (k.tobytes(), v) for k, v in zip(rows["key"], rows["vector"], strict=True)
            )

    @staticmethod
    def key(content: str | bytes) -> bytes:
        """SHA-256 of a text or of a file's bytes."""
        return hashlib.sha256(content.encode() if isinstance(content, str) else content).digest()

    def get(self, key: bytes) -> np.ndarray | None:
        """The vector, float32 (size,), if it is known."""
        found = self._known.get(key)
        return found if found is not None else self._new.get(key)

    def put(self, key: bytes, vector: np.ndarray) -> None:
        """Keep a vector; every now and then the new ones are written."""
        if self.get(key) is None:
            self._new[key] = vector
            if len(self._new) >= _ROWS:
                self.flush()

    def _merged(self, files: list[Path]) -> list[Path]:
        """One file in place of many, each of which would be held open."""
        found = [rows for rows in map(_read, files) if rows is not None]
        if not found:
            return []
        rows = np.concatenate(found)
        merged = self._write(rows)
        if merged is None:
            return files
        for file in files:
            if file != merged:
                file.unlink(missing_ok=True)
        return [merged]

    def flush(self) -> None:
        """Write what is new."""
        if not self._new:
            return
        keys = np.frombuffer(b"".join(self._new), np.uint8).reshape(-1, 32)
        vectors = np.stack(list(self._new.values()))
        rows = np.zeros(
            len(keys), [("key", np.uint8, 32), ("vector", np.float32, vectors.shape[1])]
        )
        rows["key"], rows["vector"] = keys, vectors
        self._write(rows)
        self._known |= self._new
        self._new = {}

    def _write(self, rows: np.ndarray) -> Path | None:
        """A file of some rows, if it can be written."""
        file = self.folder / f"{hashlib.sha256(rows['key'].tobytes()).hexdigest()[:32]}.npy"
        try:
            with atomic_file(file, overwrite=True) as work:
                np.save(work, rows)
        except OSError as error:
            self._report.warn(f"the encoder's vectors are not kept for the next time: {error}")
            return None
        return file


def _read(file: Path, mmap_mode: Literal["r"] | None = None) -> np.ndarray | None:
    """The rows of a file; None if it has gone since, for another process has merged it with others."""
    try:
        rows = np.load(file, mmap_mode=mmap_mode)
        _ = rows["key"], rows["vector"]
    except FileNotFoundError:
        return None
    except (ValueError, EOFError, OSError, IndexError) as error:
        raise M6RecError(
            f"a file of the cache is damaged: {error}", where=str(file), hint="delete it"
        ) from None
    return rows
