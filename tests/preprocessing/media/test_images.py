"""Pictures: colour modes, orientation, transparency, and undecodable files."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from m6rec_cli.preprocessing.media import images


def _encode(picture: Image.Image, form: str, **more: object) -> bytes:
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
    got = images.decode(_encode(picture, "TIFF" if mode == "CMYK" else "PNG"), 16)
    assert got is not None
    assert got.shape == (16, 16, 3)


def test_decode_16_bit_grey_is_scaled_not_clipped() -> None:
    grey = np.full((20, 20), 128 * 256, np.uint16)
    got = images.decode(_encode(Image.fromarray(grey), "PNG"), 8)
    assert got is not None
    assert (got == 128).all()


def test_decode_transparent_pixels_are_white() -> None:
    got = images.decode(_encode(Image.new("RGBA", (9, 9), (0, 0, 0, 0)), "PNG"), 8)
    assert got is not None
    assert (got == 255).all()


def test_decode_turns_a_picture_upright() -> None:
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[:20] = 255  # white above; orientation 3 turns it by 180 degrees
    exif = Image.Exif()
    exif[0x0112] = 3
    got = images.decode(_encode(Image.fromarray(pixels), "JPEG", exif=exif, quality=95), 8)
    assert got is not None
    assert got[0].mean() < 60 < 200 < got[-1].mean()


def test_decode_undecodable_picture_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _encode(
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)), "JPEG"
    )
    assert images.decode(whole, 8) is not None
    assert images.decode(whole[: len(whole) // 2], 8) is None
    assert images.decode(b"no picture", 8) is None
    assert images.decode(tmp_path / "absent.png", 8) is None
    assert images.decode(tmp_path, 8) is None
    monkeypatch.setattr(images, "MAX_PIXELS", 100)
    assert images.decode(whole, 8) is None
