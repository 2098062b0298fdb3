"""A picture file or its bytes to a square uint8 array."""

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

MAX_PIXELS = 100_000_000
"""Larger pictures count as undecodable, so that a few cannot fill the memory."""
_PIXELS_AT_ONCE = 50_000_000
"""Of all pictures that are decoded at a time, up to 15 bytes each; a larger picture is alone."""
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
"""Pillow knows more: for EPS, whatever the file's name, it would start Ghostscript."""
_free_pixels = _PIXELS_AT_ONCE
_pixels_freed = threading.Condition()


def decode(source: Path | bytes, side: int) -> np.ndarray | None:
    """The centre square of a picture, upright, uint8 RGB (side, side, 3); None if undecodable."""
    picture = load(source, side)
    return None if picture is None else square(picture, side)


def load(source: Path | bytes, side: int) -> Image.Image | None:
    """A picture, upright and RGB, at its own size; a JPEG may be smaller, but not below `side`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            opened = io.BytesIO(source) if isinstance(source, bytes) else source
            with Image.open(opened, formats=_FORMATS) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    return None
                # Decoding a JPEG at a fraction of its size is faster.
                picture.draft("RGB", (side, side))
                with _reserved(picture.width * picture.height):
                    return _to_rgb(ImageOps.exif_transpose(picture))
    except Exception:  # Pillow's plugins raise many types on damaged files; all mean undecodable
        return None


@contextmanager
def _reserved(pixels: int) -> Iterator[None]:
    """Wait until so many pixels more may be in memory: files are decoded in parallel."""
    global _free_pixels
    pixels = min(pixels, _PIXELS_AT_ONCE)
    with _pixels_freed:
        _pixels_freed.wait_for(lambda: _free_pixels >= pixels)
        _free_pixels -= pixels
    try:
        yield
    finally:
        with _pixels_freed:
            _free_pixels += pixels
            _pixels_freed.notify_all()


def _to_rgb(picture: Image.Image) -> Image.Image:
    """Convert every colour mode; transparent pixels become white."""
    if picture.mode.startswith("I"):  # 16 bits a pixel, which Pillow would clip, not scale
        grey = np.asarray(picture).clip(0, 65535)
        is_16_bit = picture.mode != "I" or grey.max() > 255
        picture = Image.fromarray((grey >> 8 if is_16_bit else grey).astype(np.uint8))
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        clear = picture.convert("RGBA")
        picture = Image.new("RGBA", clear.size, "white")
        picture.alpha_composite(clear)
    return picture.convert("RGB")


def square(picture: Image.Image, side: int) -> np.ndarray:
    """The centre square of an RGB picture, uint8 (side, side, 3)."""
    return np.asarray(ImageOps.fit(picture, (side, side), Image.Resampling.BICUBIC), np.uint8)
