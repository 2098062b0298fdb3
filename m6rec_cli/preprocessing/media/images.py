"""A picture file or its bytes to a square uint8 array."""

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

MAX_PIXELS = 100_000_000
"""Larger pictures count as undecodable, so that a few cannot fill the memory."""


def decode(source: Path | bytes, side: int) -> np.ndarray | None:
    """The centre square of a picture, upright, uint8 RGB (side, side, 3); None if undecodable."""
    picture = load(source, side)
    return None if picture is None else square(picture, side)


def load(source: Path | bytes, side: int) -> Image.Image | None:
    """A picture, upright and RGB, at its own size; a JPEG may be smaller, but not below `side`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    return None
                # Decoding a JPEG at a fraction of its size is faster.
                picture.draft("RGB", (side, side))
                return _to_rgb(ImageOps.exif_transpose(picture))
    except Exception:  # Pillow's plugins raise many types on damaged files; all mean undecodable
        return None


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
