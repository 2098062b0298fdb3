"""A picture file or its bytes to a square uint8 array."""

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

MAX_PIXELS = 100_000_000


def decode(source: Path | bytes, side: int) -> np.ndarray | None:
    """One picture as uint8 (side, side, 3): upright, RGB, its centre square. None if it cannot be read."""
    picture = load(source, side)
    return None if picture is None else square(picture, side)


def load(source: Path | bytes, side: int) -> Image.Image | None:
    """One picture, upright and RGB, at its own size; a JPEG may be smaller, but not below `side`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    return None
                # JPEGs are decoded at a fraction of their size, never below what is asked for.
                picture.draft("RGB", (side, side))
                upright = ImageOps.exif_transpose(picture)
                if upright.mode.startswith(
                    "I"
                ):  # 16 bits a pixel, which Pillow would cut off and not scale
                    grey = np.asarray(upright).clip(0, 65535)
                    wide = upright.mode != "I" or grey.max() > 255
                    upright = Image.fromarray((grey >> 8 if wide else grey).astype(np.uint8))
                if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
                    clear = upright.convert("RGBA")
                    upright = Image.new("RGBA", clear.size, "white")
                    upright.alpha_composite(clear)
                return upright.convert("RGB")
    except Exception:  # Pillow's plugins raise many kinds on damaged files; each means undecodable
        return None


def square(picture: Image.Image, side: int) -> np.ndarray:
    """The centre square of an RGB picture, uint8 (side, side, 3)."""
    return np.asarray(ImageOps.fit(picture, (side, side), Image.Resampling.BICUBIC), np.uint8)
