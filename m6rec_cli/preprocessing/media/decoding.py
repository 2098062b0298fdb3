"""A column of pictures, sounds or videos to an array aligned to rows, and a mask of what could be read."""

import functools
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from m6rec_cli.data.store import FeatureArray
from m6rec_cli.preprocessing.media import audio, images, video
from m6rec_cli.system import extras
from m6rec_cli.system.feature_spec import FeatureSpec, Kind
from m6rec_cli.system.progress import Task

SUFFIXES: dict[Kind, tuple[str, ...]] = {
    "image": (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
    "audio": (
        ".wav",
        ".mp3",
        ".flac",
        ".ogg",
        ".oga",
        ".opus",
        ".m4a",
        ".aac",
        ".wma",
        ".aif",
        ".aiff",
    ),
    "video": (
        ".mp4",
        ".m4v",
        ".mkv",
        ".webm",
        ".mov",
        ".avi",
        ".mpg",
        ".mpeg",
        ".wmv",
        ".flv",
        ".3gp",
        ".ogv",
    ),
}
WORDS: dict[Kind, str] = {"image": "pictures", "audio": "sounds", "video": "videos"}

T = TypeVar("T")


@dataclass(frozen=True)
class Decoder:
    """How the cells of a feature become the rows of its array.

    Attributes:
        decode: A file or its bytes to one row; None if it cannot be read, an empty array if there is no sound in it.
        shape: Of one row.
        dtype: Of the array.
    """

    decode: Callable[[Path | bytes], np.ndarray | None]
    shape: tuple[int, ...]
    dtype: Any

    @classmethod
    def of(cls, spec: FeatureSpec) -> "Decoder":
        """The decoder of a feature of one of the kinds `schema.MEDIA`.

        Raises:
            M6RecError: The kind needs an extra that is not installed.
        """
        n, size = spec.length, spec.size
        require(spec.kind, spec.name)
        if spec.kind == "image":
            return cls(functools.partial(images.decode, side=size), (size, size, 3), np.uint8)
        if spec.kind == "video":
            return cls(
                functools.partial(video.decode, side=size, frames=n), (n, size, size, 3), np.uint8
            )
        sound = functools.partial(audio.decode, mels=size, frames=n, seconds=spec.state["seconds"])
        return cls(sound, (n, size), np.float16)


def require(kind: Kind, name: str) -> None:
    """Raise unless the libraries that decode this kind are installed."""
    if kind in ("audio", "video"):
        extras.require("media", f"the feature `{name}` ({kind}) needs")


def decode_all(
    cells: Sequence[object], root: Path, decoder: Decoder, out: Path | None, task: Task
) -> tuple[FeatureArray, list[int], list[int]]:
    """Decode a column on all cores.

    Args:
        cells: Paths relative to `root`, bytes, `{"bytes", "path"}` structs, or None.
        root: The media folder.
        out: A `.npy` file to write through a memory map; None keeps the array in memory.
        task: Advanced by one a cell.

    Returns:
        The array with its mask; the rows that had a cell but nothing that can be read; those without any sound.
    """
    shape = (len(cells), *decoder.shape)
    if out is None or not len(cells):
        array = np.zeros(shape, decoder.dtype)
        if out is not None:
            np.save(out, array)
    else:
        array = np.lib.format.open_memmap(out, mode="w+", dtype=decoder.dtype, shape=shape)
    mask = np.zeros(len(cells), bool)
    bad: list[int] = []
    silent: list[int] = []
    for row, found in stream([source(cell, root) for cell in cells], decoder.decode):
        if found is None:
            bad += [row] if cells[row] is not None else []
        elif len(found):
            array[row] = found
            mask[row] = True
        else:
            silent.append(row)
        task.advance(1)
    if isinstance(array, np.memmap):
        array.flush()
    return FeatureArray(array, mask), bad, silent


def stream(sources: Sequence[T | None], work: Callable[[T], Any]) -> Iterator[tuple[int, Any]]:
    """Every row with `work` of its source, in order; None where there is none.

    A thread a core: the libraries that decode let go of the interpreter. A few rows are ahead of the one
    that is yielded and no more, so that what is finished does not pile up in memory.
    """
    threads = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    pool = ThreadPoolExecutor(threads)
    waiting: deque[Future[Any] | None] = deque()
    done = 0
    try:
        for one in sources:
            waiting.append(None if one is None else pool.submit(work, one))
            if len(waiting) > 4 * threads:
                yield done, _result(waiting.popleft())
                done += 1
        for row in range(done, len(sources)):
            yield row, _result(waiting.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _result(future: "Future[Any] | None") -> Any:
    return None if future is None else future.result()


def source(cell: object, root: Path) -> Path | bytes | None:
    """A cell as the path or the bytes of a file; None if it holds neither."""
    if isinstance(cell, dict):
        cell = cell.get("bytes") or cell.get("path")
    if isinstance(cell, str):
        return root / cell if cell.strip() else None
    return cell if isinstance(cell, bytes) else None
