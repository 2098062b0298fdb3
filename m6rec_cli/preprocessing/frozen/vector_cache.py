"""Vectors of frozen encoders, cached by content in the user's cache directory.

`vectors/<digest of the encoder>/<digest of the rows>.npy` holds structured arrays of `key` (SHA-256
of a text or of a picture's bytes) and `vector` (f32). Several processes can share the folder: a
file is written whole and never changed, and any file may vanish when another process merges small
ones.
"""

import hashlib
from pathlib import Path
from typing import Literal

import numpy as np

from m6rec_cli.system.cache import cache_folder
from m6rec_cli.system.directories import atomic_file
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.progress import Reporter


class VectorCache:
    """The vectors of one encoder.

    Args:
        encoder: The encoder's digest.
        report: Warned if the cache cannot be written; encoding goes on without it.
        flush_every: New vectors that are written to one file.
        max_files: Merge the files when there are more: each one is held open.

    Raises:
        M6RecError: A file of the cache is damaged.
    """

    def __init__(
        self, encoder: str, report: Reporter, *, flush_every: int = 1024, max_files: int = 64
    ):
        cache = cache_folder()
        self.folder = cache / "vectors" / encoder if cache else None
        self._report = report
        self._flush_every = flush_every
        self._stored: dict[bytes, np.ndarray] = {}
        self._new: dict[bytes, np.ndarray] = {}
        files = sorted(self.folder.glob("*.npy")) if self.folder else []
        for file in self._merge(files) if len(files) > max_files else files:
            rows = _read(file, mmap_mode="r")
            if rows is None:
                continue
            self._stored.update(
                (k.tobytes(), v) for k, v in zip(rows["key"], rows["vector"], strict=True)
            )

    @staticmethod
    def key(content: str | bytes) -> bytes:
        """SHA-256 of a text or of a file's bytes."""
        return hashlib.sha256(content.encode() if isinstance(content, str) else content).digest()

    def get(self, key: bytes) -> np.ndarray | None:
        """The vector, f32 (size,), if it is cached."""
        found = self._stored.get(key)
        return found if found is not None else self._new.get(key)

    def put(self, key: bytes, vector: np.ndarray) -> None:
        """Add a vector; writes when enough are new."""
        if self.get(key) is None:
            self._new[key] = vector
            if len(self._new) >= self._flush_every:
                self.flush()

    def flush(self) -> None:
        """Write the new vectors."""
        if not self._new:
            return
        keys = np.frombuffer(b"".join(self._new), np.uint8).reshape(-1, 32)
        vectors = np.stack(list(self._new.values()))
        rows = np.zeros(
            len(keys), [("key", np.uint8, 32), ("vector", np.float32, vectors.shape[1])]
        )
        rows["key"], rows["vector"] = keys, vectors
        self._write(rows)
        self._stored |= self._new
        self._new = {}

    def _merge(self, files: list[Path]) -> list[Path]:
        """Replace many files by one."""
        found = [rows for rows in map(_read, files) if rows is not None]
        if not found:
            return []
        merged = self._write(np.concatenate(found))
        if merged is None:
            return files
        for file in files:
            if file != merged:
                file.unlink(missing_ok=True)
        return [merged]

    def _write(self, rows: np.ndarray) -> Path | None:
        """Write a file; None if that fails, or there is no cache folder."""
        if self.folder is None:
            return None
        file = self.folder / f"{hashlib.sha256(rows['key'].tobytes()).hexdigest()[:32]}.npy"
        try:
            with atomic_file(file, overwrite=True) as work:
                np.save(work, rows)
        except OSError as error:
            self._report.warn(f"the encoder's vectors cannot be cached: {error}")
            return None
        return file


def _read(file: Path, mmap_mode: Literal["r"] | None = None) -> np.ndarray | None:
    """The rows of a file; None if another process has merged it into another one."""
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
