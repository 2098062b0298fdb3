"""Pictures: colour, orientation, transparency, and what cannot be read."""

import functools
import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from m6rec_cli.preprocessing.media import decoding, images
from m6rec_cli.system.progress import SilentReporter


def _bytes(picture: Image.Image, form: str, **more: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **more)  # type: ignore[arg-type]
    return buffer.getvalue()


def test_decode_crops_the_centre_square(tmp_path: Path) -> None:
    pixels = np.zeros((20, 60, 3), np.uint8)
    pixels[:, 20:40] = (200, 10, 30)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    got = images.decode(tmp_path / "a.png", 8)
    assert got is not None
    assert got.shape == (8, 8, 3)
    assert np.abs(got[:, 1:7].astype(int) - (200, 10, 30)).max() < 30


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "CMYK", "1", "I;16"])
def test_decode_every_colour_mode_gives_rgb(mode: str) -> None:
    picture = Image.new(mode, (30, 30))
    got = images.decode(_bytes(picture, "TIFF" if mode == "CMYK" else "PNG"), 16)
    assert got is not None
    assert got.shape == (16, 16, 3)


def test_decode_16_bit_grey_is_scaled_and_not_cut_off() -> None:
    grey = np.full((20, 20), 128 * 256, np.uint16)
    got = images.decode(_bytes(Image.fromarray(grey), "PNG"), 8)
    assert got is not None
    assert (got == 128).all()


def test_decode_transparent_pixels_are_white() -> None:
    got = images.decode(_bytes(Image.new("RGBA", (9, 9), (0, 0, 0, 0)), "PNG"), 8)
    assert got is not None
    assert (got == 255).all()


def test_decode_turns_a_picture_upright() -> None:
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[:20] = 255  # white above; orientation 3 turns it by 180 degrees
    exif = Image.Exif()
    exif[0x0112] = 3
    got = images.decode(_bytes(Image.fromarray(pixels), "JPEG", exif=exif, quality=95), 8)
    assert got is not None
    assert got[0].mean() < 60 < 200 < got[-1].mean()


def test_decode_unreadable_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _bytes(
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)), "JPEG"
    )
    assert images.decode(whole, 8) is not None
    assert images.decode(whole[: len(whole) // 2], 8) is None
    assert images.decode(b"no picture", 8) is None
    assert images.decode(tmp_path / "absent.png", 8) is None
    assert images.decode(tmp_path, 8) is None
    monkeypatch.setattr(images, "MAX_PIXELS", 100)
    assert images.decode(whole, 8) is None


def test_decode_all_aligns_rows_and_masks_what_is_not_there(tmp_path: Path) -> None:
    for name, colour in (("r.png", (255, 0, 0)), ("g.png", (0, 255, 0))):
        Image.new("RGB", (10, 10), colour).save(tmp_path / name)
    blue = _bytes(Image.new("RGB", (10, 10), (0, 0, 255)), "PNG")
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
            array, bad, silent = decoding.decode_all(cells, tmp_path, decoder, out, task)
        assert array.mask.tolist() == [True, False, False, True, True, True, False]
        assert array.values[array.mask][:, 0, 0].tolist() == [
            [255, 0, 0],
            [0, 0, 255],
            [0, 255, 0],
            [0, 0, 255],
        ]
        assert not array.values[~array.mask].any()
        assert (bad, silent) == ([2, 6], [])
    assert np.load(tmp_path / "x.npy").shape == (7, 8, 8, 3)


def test_stream_keeps_the_order_and_runs_a_few_rows_ahead_alone() -> None:
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


def test_stream_fault_of_the_work_is_raised() -> None:
    def work(n: int) -> int:
        raise ZeroDivisionError(n)

    with pytest.raises(ZeroDivisionError):
        list(decoding.stream([1, 2], work))
