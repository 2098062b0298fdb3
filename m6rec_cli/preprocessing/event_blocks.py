"""Events on disk in blocks: a file for each column, from which one block is read at a time.

A log of any length is written part by part and read block by block, so that memory holds a few
million events. The files are read by `numpy.fromfile`, not through a memory map: what was read of a
map counts as memory of the process until the system takes it back.
"""

import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

EVENTS_PER_BLOCK = 1 << 20
"""Events that are cleaned, sorted or split at once, about; bounds the memory."""


class _Stretch(NamedTuple):
    """Values of one block that lie one after the other in the file of a column.

    Attributes:
        start: Position of the first value in the file.
        n: Number of values.
        nulls: Position of the first flag in the file of flags; None without missing values.
    """

    start: int
    n: int
    nulls: int | None


class EventBlocks:
    """Events in blocks; within a block they are in the order in which they were appended.

    Attributes:
        folder: Made here, removed by `remove`.
        n_blocks: Number of blocks.
    """

    def __init__(self, folder: Path, n_blocks: int) -> None:
        folder.mkdir()
        self.folder, self.n_blocks = folder, n_blocks
        self._stretches: dict[str, list[list[_Stretch]]] = {}
        self._types: dict[str, np.dtype] = {}
        self._written: dict[str, int] = {}

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self._stretches)

    def append(self, frame: pl.DataFrame, block: np.ndarray) -> None:
        """Write events, each to its block.

        Args:
            frame: Columns of numbers and of bool, which may have nulls.
            block: Block of each event, int (n,).
        """
        order = None
        if self.n_blocks > 1:
            block = block.astype(np.uint16)
            order = np.argsort(block, kind="stable")
        sizes = np.bincount(block, minlength=self.n_blocks).tolist()
        for column in frame:
            self._write(column, order, list(enumerate(sizes)))

    def append_block(self, frame: pl.DataFrame, block: int) -> None:
        """Write events of one block, or more columns of all its events."""
        for column in frame:
            self._write(column, None, [(block, len(frame))])

    def drop(self, *names: str) -> None:
        """Remove columns."""
        for name in names:
            del self._stretches[name]
            for file in (name, _flags(name)):
                self._path(file).unlink(missing_ok=True)

    def read(self, block: int, *names: str) -> pl.DataFrame:
        """The events of a block; all columns by default."""
        return pl.DataFrame([self._read(name, block) for name in names or self.columns])

    def n_events(self, block: int) -> int:
        """The number of events of a block."""
        columns = iter(self._stretches.values())
        return sum(stretch.n for stretch in next(columns)[block])

    def remove(self) -> None:
        """Remove the files."""
        shutil.rmtree(self.folder)

    def _write(
        self, column: pl.Series, order: np.ndarray | None, sizes: list[tuple[int, int]]
    ) -> None:
        name = column.name
        missing = column.is_null().to_numpy() if column.null_count() else None
        values = (column.fill_null(0) if missing is not None else column).to_numpy()
        if values.dtype == object:
            raise TypeError(f"the column `{name}` holds {column.dtype}, not numbers")
        stretches = self._stretches.setdefault(name, [[] for _ in range(self.n_blocks)])
        self._types.setdefault(name, values.dtype)
        start = self._append(name, values, order)
        nulls = None if missing is None else self._append(_flags(name), missing, order)
        done = 0
        for block, n in sizes:
            if n:
                at = None if nulls is None else nulls + done
                stretches[block].append(_Stretch(start + done, n, at))
                done += n

    def _append(self, name: str, values: np.ndarray, order: np.ndarray | None) -> int:
        """Write values behind those of the file; the position of the first."""
        start = self._written.get(name, 0)
        with self._path(name).open("ab") as file:
            (values if order is None else values[order]).tofile(file)
        self._written[name] = start + len(values)
        return start

    def _read(self, name: str, block: int) -> pl.Series:
        stretches, dtype = self._stretches[name][block], self._types[name]
        parts = [np.empty(0, dtype)]
        parts += [self._values(name, dtype, stretch.start, stretch.n) for stretch in stretches]
        column = pl.Series(name, parts[1] if len(parts) == 2 else np.concatenate(parts))
        if all(stretch.nulls is None for stretch in stretches):
            return column
        flags = [
            np.zeros(stretch.n, bool)
            if stretch.nulls is None
            else self._values(_flags(name), np.dtype(bool), stretch.nulls, stretch.n)
            for stretch in stretches
        ]
        return column.set(pl.Series(np.concatenate(flags)), None)

    def _values(self, name: str, dtype: np.dtype, start: int, n: int) -> np.ndarray:
        return np.fromfile(self._path(name), dtype, count=n, offset=start * dtype.itemsize)

    def _path(self, name: str) -> Path:
        """The file of a column; names may hold any letter."""
        return self.folder / name.encode().hex()


def _flags(name: str) -> str:
    """The name of the flags that say which values of a column are missing."""
    return f"{name} is missing"


def block_bits(n_events: int) -> int:
    """The number of bits that number the blocks of a log: there are a power of two of them."""
    return max(0, (n_events - 1) // EVENTS_PER_BLOCK).bit_length()
