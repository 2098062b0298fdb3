"""Columns of media cells: aligned rows, masks of undecodable cells, ordered threads."""

import functools
import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from m6rec_cli.preprocessing.media import decoding, images
from m6rec_cli.system.progress import SilentReporter


def _png(colour: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (10, 10), colour).save(buffer, "PNG")
    return buffer.getvalue()


def test_decode_all_aligns_rows_and_masks_undecodable_cells(tmp_path: Path) -> None:
    for name, colour in (("r.png", (255, 0, 0)), ("g.png", (0, 255, 0))):
        (tmp_path / name).write_bytes(_png(colour))
    blue = _png((0, 0, 255))
    cells = [
        "r.png",
        None,
        "absent.png",
        {"bytes": blue, "path": None},
        {"bytes": None, "path": "g.png"},
        blue,
        "",
    ]
    decoder = decoding.Decoder(functools.partial(images.decode, side=8), (8, 8, 3), np.uint8)
    for out in (None, tmp_path / "x.npy"):
        with SilentReporter().task("pictures") as task:
            array, undecodable, empty = decoding.decode_all(cells, tmp_path, decoder, out, task)
        assert array.mask.tolist() == [True, False, False, True, True, True, False]
        assert array.values[array.mask][:, 0, 0].tolist() == [
            [255, 0, 0],
            [0, 0, 255],
            [0, 255, 0],
            [0, 0, 255],
        ]
        assert not array.values[~array.mask].any()
        assert (undecodable, empty) == ([2, 6], [])
    assert np.load(tmp_path / "x.npy").shape == (7, 8, 8, 3)


def test_stream_keeps_the_order_and_runs_only_a_few_rows_ahead() -> None:
    started: list[int] = []

    def work(n: int) -> int:
        started.append(n)
        return -n

    limit = 4 * (os.cpu_count() or 1) + 2
    rows = decoding.stream([None if n % 7 == 3 else n for n in range(500)], work)
    for row, found in rows:
        assert found == (None if row % 7 == 3 else -row)
        assert len(started) <= row + limit
    assert len(started) == 500 - len(range(3, 500, 7))


def test_stream_raises_an_error_of_the_work() -> None:
    def work(n: int) -> int:
        raise ZeroDivisionError(n)

    with pytest.raises(ZeroDivisionError):
        list(decoding.stream([1, 2], work))
