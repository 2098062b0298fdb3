"""A column of media cells to an array aligned to the rows, decoded on all cores."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import DTypeLike

from m6rec_cli.data.feature_arrays import FeatureArray
from m6rec_cli.preprocessing.cleaning.rules import CleaningLog
from m6rec_cli.system.progress import ProgressTask, Reporter

_BLOCK = 1 << 20
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Decoder:
    """How one cell becomes one row of an array.

    Attributes:
        decode: A file or its bytes to one row; None if it cannot be read, an empty array if it
            lacks the stream that is decoded.
        shape: The shape of a row.
        dtype: The type of the array.
    """

    decode: Callable[[Path | bytes], np.ndarray | None]
    shape: tuple[int, ...]
    dtype: DTypeLike


def decode_all(
    cells: Sequence[object], root: Path, decoder: Decoder, out: Path | None, task: ProgressTask
) -> tuple[FeatureArray, list[int], list[int]]:
    """Decode a column.

    Args:
        cells: Paths relative to `root`, bytes, `{"bytes", "path"}` structs, or None.
        root: The media folder.
        out: A `.npy` file to write through a memory map; None keeps the array in memory.
        task: Advances by one per cell.

    Returns:
        The array with its mask; the rows with an undecodable cell; the rows whose file lacks the
        stream.
    """
    shape = (len(cells), *decoder.shape)
    if out is None or not len(cells):
        array = np.zeros(shape, decoder.dtype)
    else:
        array = np.lib.format.open_memmap(out, mode="w+", dtype=decoder.dtype, shape=shape)
        _allocate(out)
    mask = np.zeros(len(cells), bool)
    undecodable: list[int] = []
    empty: list[int] = []
    outside = set(rows_outside(cells, root))
    for row, decoded in stream([source(cell, root) for cell in cells], decoder.decode):
        if decoded is None:
            undecodable += [row] if cells[row] is not None and row not in outside else []
        elif len(decoded):
            array[row] = decoded
            mask[row] = True
        else:
            empty.append(row)
        task.advance(1)
    if isinstance(array, np.memmap):
        array.flush()
    return FeatureArray(array, mask), undecodable, empty


def _allocate(file: Path) -> None:
    """Reserve the blocks of a sparse file: on a full disk a memory map dies without a message.

    Raises:
        OSError: The disk has no room.
    """
    with file.open("r+b") as stream:
        size = os.fstat(stream.fileno()).st_size
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(stream.fileno(), 0, size)
            return
        start = stream.read(_BLOCK)  # macOS: write every byte
        stream.seek(0)
        for done in range(0, size, _BLOCK):
            stream.write((start if not done else bytes(_BLOCK))[: size - done])
        os.fsync(stream.fileno())


def stream(
    sources: Sequence[T | None], work: Callable[[T], R | None]
) -> Iterator[tuple[int, R | None]]:
    """Yield every row with `work` of its source, in order; None for rows without a source.

    A path that is no regular file (a pipe, a device) is not opened: reading it may never end.
    Works with one thread per core, since decoding libraries release the interpreter lock. At most a
    few rows are computed ahead, so that results do not pile up in memory.
    """
    threads = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    pool = ThreadPoolExecutor(threads)
    waiting: deque[Future[R | None] | None] = deque()
    done = 0

    def regular(one: T) -> R | None:
        return None if isinstance(one, Path) and not one.is_file() else work(one)

    try:
        for one in sources:
            waiting.append(None if one is None else pool.submit(regular, one))
            if len(waiting) > 4 * threads:
                yield done, _result(waiting.popleft())
                done += 1
        for row in range(done, len(sources)):
            yield row, _result(waiting.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _result(future: "Future[R | None] | None") -> R | None:
    return None if future is None else future.result()


def source(cell: object, root: Path) -> Path | bytes | None:
    """The path or the bytes of a cell's file; None without one, or for a path outside `root`."""
    if isinstance(cell, dict):
        cell = cell.get("bytes") or cell.get("path")
    if isinstance(cell, str):
        outside = not cell.strip() or _is_outside(cell, root)
        return None if outside else root / os.path.normpath(cell)
    return cell if isinstance(cell, bytes) else None


def _is_outside(path: str, root: Path) -> bool:
    """Whether a path such as `/x`, `../x` or `a/../../x` leads out of the folder `root`.

    A link below `root` is followed: it is the user's own.
    """
    folder = os.path.normpath(root.absolute())
    return not Path(os.path.normpath(root.absolute() / path)).is_relative_to(folder)


def rows_outside(cells: Sequence[object], root: Path) -> list[int]:
    """The rows whose cell is a path that leads out of the media folder."""
    paths = [(c.get("bytes") or c.get("path")) if isinstance(c, dict) else c for c in cells]
    return [
        row
        for row, path in enumerate(paths)
        if isinstance(path, str) and path.strip() and _is_outside(path, root)
    ]


def count_outside(
    cells: Sequence[object], root: Path, what: str, cleaning: CleaningLog, report: Reporter
) -> None:
    """Count the cells that lead out of the media folder, and warn of them: they are not read."""
    rows = rows_outside(cells, root)
    cleaning.count_changed(f"{what} outside the media folder, masked", len(rows))
    if rows:
        report.warn(
            f"{what} {len(rows):,} paths lead out of the media folder and are not read, first: "
            f"`{cells[rows[0]]}`; `--media DIR` names a folder that holds them all (now: {root})"
        )


def name_cells(cells: Sequence[object], rows: Sequence[int]) -> list[str]:
    """Examples for the cleaning report: the first three rows by path, or by number."""
    shown = ((row, cells[row]) for row in rows[:3])
    return [cell if isinstance(cell, str) else f"(row {row + 1})" for row, cell in shown]
