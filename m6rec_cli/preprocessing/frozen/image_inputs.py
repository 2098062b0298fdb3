"""Pictures to the input of an ONNX picture model, by the preprocessor settings of its export."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from m6rec_cli.preprocessing.frozen.export_files import Settings, read_settings
from m6rec_cli.preprocessing.frozen.session import (
    DTYPES,
    EMBEDDINGS,
    Session,
    choose_output,
    unknown_input,
)
from m6rec_cli.preprocessing.media import images
from m6rec_cli.system.errors import M6RecError

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, kw_only=True)
class _Geometry:
    """How a picture becomes as large as the input.

    Attributes:
        final: Height and width of the input.
        size: Height and width that the picture is scaled to before it is cropped; None for `final`.
        is_squeezed: Scale to `final` without keeping the proportions.
    """

    final: tuple[int, int]
    size: tuple[int, int] | None
    is_squeezed: bool
    resample: Image.Resampling

    def fit(self, picture: Image.Image) -> Image.Image:
        height, width = self.final
        if self.is_squeezed:
            return picture.resize((width, height), self.resample)
        short = max(min(self.size or self.final), 1)
        ratio = max(short / min(picture.size), width / picture.width, height / picture.height)
        scaled = (
            max(width, round(picture.width * ratio)),
            max(height, round(picture.height * ratio)),
        )
        picture = picture.resize(scaled, self.resample)
        left, top = (picture.width - width) // 2, (picture.height - height) // 2
        return picture.crop((left, top, left + width, top + height))


def output_name(session: Session) -> str:
    """The output with the picture's embedding."""
    return choose_output(session, [*EMBEDDINGS, "pooler_output"], rank=2)


def make_feed(
    path: Path, session: Session
) -> tuple[Callable[[str | bytes], dict[str, np.ndarray] | None], str]:
    """A function from a picture's bytes to the model's input, None for an undecodable picture.

    Returns:
        The function, and a note about settings that had to be assumed.

    Raises:
        M6RecError: The model has a second input, or the size of its pictures is unknown.
    """
    inputs = session.get_inputs()
    if len(inputs) > 1:
        raise unknown_input(inputs[1].name, path, "pictures")
    (given,) = inputs
    channels_last = given.shape[3] == 3
    settings = read_settings(path, "preprocessor_config.json")
    sides = given.shape[1:3] if channels_last else given.shape[2:4]
    geometry = _geometry(settings, sides, path)
    mean, std = _normalisation(settings)
    rescale = settings.get("do_rescale", True)
    factor = np.float32(settings.get("rescale_factor") or 1 / 255) if rescale else np.float32(1)
    least_side = max(*geometry.final, *(geometry.size or geometry.final))

    def feed(data: str | bytes) -> dict[str, np.ndarray] | None:
        assert isinstance(data, bytes)
        picture = images.load(data, least_side)
        if picture is None:
            return None
        pixels = (np.asarray(geometry.fit(picture), np.float32) * factor - mean) / std
        pixels = pixels if channels_last else pixels.transpose(2, 0, 1)
        return {given.name: pixels[None].astype(DTYPES[given.type])}

    height, width = geometry.final
    note = (
        f"`{path.name}` has no preprocessor_config.json: "
        f"pictures of {width}x{height} with CLIP's mean and deviation"
    )
    return feed, "" if settings else note


def _geometry(settings: Settings, sides: Sequence[int | str], path: Path) -> _Geometry:
    """Read size and crop; `sides` are those of the model's input, numbers if they are fixed."""
    size, crop = _height_and_width(settings.get("size")), None
    if settings.get("do_center_crop", True):
        crop = _height_and_width(settings.get("crop_size"))
    final = crop or size or tuple(sides)
    if not all(isinstance(n, int) for n in final):
        raise M6RecError(
            "the size of the encoder's pictures is not known",
            where=str(path),
            hint="copy `preprocessor_config.json` of the same export beside the model",
        )
    has_short_edge = isinstance(settings.get("size"), dict) and "shortest_edge" in settings["size"]
    return _Geometry(
        final=(int(final[0]), int(final[1])),
        size=size,
        is_squeezed=crop is None and size is not None and not has_short_edge,
        resample=Image.Resampling(settings.get("resample", Image.Resampling.BICUBIC)),
    )


def _normalisation(settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the channels."""
    if not settings.get("do_normalize", True):
        return np.zeros(1, np.float32), np.ones(1, np.float32)
    mean, std = settings.get("image_mean") or CLIP_MEAN, settings.get("image_std") or CLIP_STD
    return np.array(mean, np.float32).reshape(-1), np.array(std, np.float32).reshape(-1)


def _height_and_width(value: Any) -> tuple[int, int] | None:
    """`size` or `crop_size` as exports write it: a number, a pair of sides, or a short edge."""
    if isinstance(value, dict):
        edge = value.get("shortest_edge")
        value = (value["height"], value["width"]) if "height" in value else (edge, edge)
    return (value, value) if isinstance(value, int) else value
