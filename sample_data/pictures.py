"""A product's shape and style to a small picture: the style is the pattern that fills the shape."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIDE = 56
STYLES = ("sunset stripes", "ocean waves", "night plain", "meadow dots", "candy checks")
_PALETTES = (
    ((214, 72, 40), (246, 178, 82)),
    ((22, 92, 150), (120, 200, 214)),
    ((34, 34, 40), (92, 92, 100)),
    ((62, 128, 58), (214, 214, 96)),
    ((206, 74, 148), (236, 190, 236)),
)


def outline(shape: str) -> np.ndarray:
    """The mask of a shape, bool (SIDE, SIDE)."""
    image = Image.new("L", (SIDE, SIDE), 0)
    draw = ImageDraw.Draw(image)

    def polygon(*points: tuple[int, int]) -> None:
        draw.polygon(points, fill=255)

    def box(*corners: int, hole: bool = False) -> None:
        draw.rectangle(corners, fill=0 if hole else 255)

    def oval(*corners: int, hole: bool = False) -> None:
        draw.ellipse(corners, fill=0 if hole else 255)

    match shape:
        case "triangle":
            polygon((28, 8), (52, 46), (4, 46))
            draw.polygon(((28, 26), (34, 46), (22, 46)), fill=0)
        case "capsule":
            draw.rounded_rectangle((17, 5, 39, 51), radius=10, fill=255)
        case "pot":
            box(10, 20, 40, 44)
            box(40, 24, 52, 28)
            box(22, 14, 28, 20)
        case "wheels":
            oval(3, 24, 27, 48)
            oval(9, 30, 21, 42, hole=True)
            oval(29, 24, 53, 48)
            oval(35, 30, 47, 42, hole=True)
            polygon((14, 34), (22, 14), (42, 14), (44, 36), (38, 36), (36, 20), (26, 20), (18, 36))
        case "dome":
            draw.pieslice((6, 10, 50, 58), 180, 360, fill=255)
            box(4, 34, 52, 38)
        case "satchel":
            box(8, 20, 48, 48)
            oval(18, 8, 38, 30)
            oval(22, 12, 34, 28, hole=True)
            box(8, 20, 48, 26)
        case "jug":
            oval(36, 14, 52, 38)
            oval(40, 19, 48, 33, hole=True)
            polygon((16, 8), (36, 8), (42, 48), (10, 48))
        case "mug":
            oval(32, 18, 52, 42)
            oval(37, 23, 47, 37, hole=True)
            box(8, 12, 38, 48)
        case "cloth":
            box(8, 8, 48, 48)
            box(24, 4, 32, 8)
        case "lamp":
            polygon((20, 6), (36, 6), (46, 26), (10, 26))
            box(26, 26, 30, 46)
            box(16, 46, 40, 50)
        case "book":
            box(12, 6, 44, 50)
            box(17, 6, 18, 50, hole=True)
        case "stick":
            polygon((8, 40), (40, 8), (48, 16), (16, 48), (5, 51))
        case "guitar":
            oval(12, 28, 44, 54)
            oval(17, 18, 39, 38)
            box(25, 2, 31, 24)
            oval(24, 30, 32, 38, hole=True)
        case "arch":
            draw.arc((10, 8, 46, 52), 180, 360, fill=255, width=6)
            box(6, 30, 18, 48)
            box(38, 30, 50, 48)
        case "loop":
            draw.arc((8, 6, 48, 50), 0, 300, fill=255, width=8)
        case "jacket":
            polygon(
                (18, 8),
                (38, 8),
                (52, 22),
                (46, 32),
                (40, 26),
                (40, 50),
                (16, 50),
                (16, 26),
                (10, 32),
                (4, 22),
            )
        case "shoe":
            polygon((6, 18), (20, 18), (28, 30), (48, 36), (52, 44), (6, 44))
        case _:  # a cap
            draw.pieslice((8, 12, 42, 56), 180, 360, fill=255)
            polygon((8, 32), (52, 32), (54, 40), (8, 36))
    return np.asarray(image) > 0


def fill(style: int, rng: np.random.Generator) -> np.ndarray:
    """The pattern of a style in its two colours, uint8 (SIDE, SIDE, 3)."""
    y, x = np.mgrid[:SIDE, :SIDE]
    step = int(rng.integers(7, 11))
    shift = int(rng.integers(0, step))
    match style:
        case 0:
            second = (x + y + shift) % step < step // 2
        case 1:
            second = (
                y + shift + np.round(2.5 * np.sin(2 * np.pi * x / 14)).astype(int)
            ) % step < step // 2
        case 2:
            second = y > SIDE - step - 4
        case 3:
            second = ((x + shift) % step - step // 2) ** 2 + (
                (y + shift) % step - step // 2
            ) ** 2 < 6
        case _:
            second = ((x + shift) // (step // 2) + (y + shift) // (step // 2)) % 2 == 0
    jitter = rng.integers(-14, 15, (2, 3))
    colours = np.clip(np.asarray(_PALETTES[style]) + jitter, 0, 255).astype(np.uint8)
    return colours[second.astype(int)]


def draw(shape: str, style: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a picture, uint8 (SIDE, SIDE, 3): on a light ground, mirrored and moved at random."""
    mask = outline(shape)
    if rng.random() < 0.5:
        mask = mask[:, ::-1]
    mask = np.roll(mask, (int(rng.integers(-2, 3)), int(rng.integers(-2, 3))), (0, 1))
    ground = np.full((SIDE, SIDE, 3), rng.integers(232, 254), np.uint8)
    return np.where(mask[..., None], fill(style, rng), ground)


def save(path: Path, pixels: np.ndarray) -> None:
    """Write a PNG: lossless, so that the pixels are the same in every version of Pillow."""
    Image.fromarray(pixels).save(path, optimize=True)
