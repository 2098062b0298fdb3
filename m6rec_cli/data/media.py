"""Picture files or bytes to square uint8 arrays aligned to rows, and a mask of those that could be read."""

import io
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from m6rec_cli.data.store import FeatureArray
from m6rec_cli.report import Task

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
MAX_PIXELS = 100_000_000
_WINDOW = 256


def decode(source: Path | bytes, side: int) -> np.ndarray | None:
    """One picture as uint8 (side, side, 3): upright, RGB, its centre square. None if it cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    return None
                # JPEGs are decoded at a fraction of their size, never below what is asked for.
                picture.draft("RGB", (side, side))
                upright = ImageOps.exif_transpose(picture)
                if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
                    clear = upright.convert("RGBA")
                    upright = Image.new("RGBA", clear.size, "white")
                    upright.alpha_composite(clear)
                square = ImageOps.fit(upright.convert("RGB"), (side, side), Image.Resampling.BICUBIC)
                return np.asarray(square, np.uint8)
    except Exception:  # Pillow's plugins raise many kinds on damaged files; each means undecodable
        return None


def decode_all(
    cells: Sequence[object], root: Path, side: int, out: Path | None, task: Task
) -> tuple[FeatureArray, list[int]]:
    """Decode a column of pictures in a pool of threads.

    Args:
        cells: Paths relative to `root`, bytes, `{"bytes", "path"}` structs, or None.
        root: The media folder.
        side: Pixels.
        out: A `.npy` file to write through a memory map; None keeps the array in memory.
        task: Advanced by one a picture.

    Returns:
        The array with its mask, and the rows that had a cell but no readable picture.
    """
    shape = (len(cells), side, side, 3)
    if out is None or not len(cells):
        array = np.zeros(shape, np.uint8)
        if out is not None:
            np.save(out, array)
    else:
        array = np.lib.format.open_memmap(out, mode="w+", dtype=np.uint8, shape=shape)
    mask = np.zeros(len(cells), bool)
    bad: list[int] = []
    with ThreadPoolExecutor() as pool:
        for row, pixels in _in_windows(pool, cells, root, side):
            if pixels is not None:
                array[row] = pixels
                mask[row] = True
            elif cells[row] is not None:
                bad.append(row)
            task.advance(1)
    if isinstance(array, np.memmap):
        array.flush()
    return FeatureArray(array, mask), bad


def _in_windows(
    pool: ThreadPoolExecutor, cells: Sequence[object], root: Path, side: int
) -> Iterator[tuple[int, np.ndarray | None]]:
    """Decode a window of rows at a time, so that finished pictures do not pile up in memory."""

    def one(cell: object) -> np.ndarray | None:
        source = _source(cell, root)
        return None if source is None else decode(source, side)

    for start in range(0, len(cells), _WINDOW):
        window = cells[start : start + _WINDOW]
        yield from zip(range(start, start + len(window)), pool.map(one, window), strict=True)


def _source(cell: object, root: Path) -> Path | bytes | None:
    if isinstance(cell, dict):
        cell = cell.get("bytes") or cell.get("path")
    if isinstance(cell, str):
        return root / cell if cell.strip() else None
    return cell if isinstance(cell, bytes) else None
