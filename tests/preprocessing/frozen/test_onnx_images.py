"""Frozen encoders of pictures: sizes, crops, normalisation and layouts of the output."""

import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from m6rec_cli.preprocessing.frozen import image_inputs
from tests.onnx_models import image_model, unit
from tests.preprocessing.frozen.encoders import open_encoder, picture, vector_of


def test_image_is_normalised_by_the_settings(tmp_path: Path) -> None:
    path = image_model(tmp_path / "m.onnx", side="side")
    settings = {
        "size": {"shortest_edge": 8},
        "crop_size": {"height": 6, "width": 6},
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.25, 0.5, 1.0],
        "rescale_factor": 1 / 255,
        "resample": 3,
    }
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(settings))
    encoder = open_encoder(path)
    assert encoder.note == ""
    want = unit((np.array([255, 51, 102]) / 255 - 0.5) / [0.25, 0.5, 1.0])
    np.testing.assert_allclose(vector_of(encoder, picture((255, 51, 102))), want, rtol=1e-5)


def test_image_is_cropped_at_the_centre_or_squeezed(tmp_path: Path) -> None:
    pixels = np.zeros((8, 24, 3), np.uint8)
    pixels[:, 8:16] = 255
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    brightness = {}
    sizes = {"crop": {"shortest_edge": 8}, "squeeze": {"height": 8, "width": 8}, "number": 8}
    for name, size in sizes.items():
        path = image_model(tmp_path / name / "m.onnx", side=8, output="features")
        settings = {"size": size, "image_mean": [0.0] * 3, "image_std": [1.0] * 3}
        (tmp_path / name / "preprocessor_config.json").write_text(json.dumps(settings))
        fed = open_encoder(path).feed(buffer.getvalue())
        brightness[name] = float(fed["pixel_values"].mean())
    assert brightness["crop"] > 0.95
    assert 0.25 < brightness["squeeze"] == brightness["number"] < 0.42


def test_image_without_settings_uses_those_of_clip_with_a_note(tmp_path: Path) -> None:
    encoder = open_encoder(image_model(tmp_path / "m.onnx", side=4))
    assert "pictures of 4x4 with CLIP's mean and deviation" in encoder.note
    want = unit((np.array([1.0, 0, 0]) - image_inputs.CLIP_MEAN) / image_inputs.CLIP_STD)
    np.testing.assert_allclose(vector_of(encoder, picture((255, 0, 0))), want, rtol=1e-4)


def test_image_positions_are_averaged_and_channels_may_be_last(tmp_path: Path) -> None:
    first = vector_of(open_encoder(image_model(tmp_path / "a" / "m.onnx")), picture((9, 200, 90)))
    places = vector_of(
        open_encoder(image_model(tmp_path / "b" / "m.onnx", output="features")),
        picture((9, 200, 90)),
    )
    last = vector_of(
        open_encoder(image_model(tmp_path / "c" / "m.onnx", kind="nhwc")), picture((9, 200, 90))
    )
    np.testing.assert_allclose(places, first, rtol=1e-5)
    np.testing.assert_allclose(last, first, rtol=1e-5)


def test_image_undecodable_picture_gives_none(tmp_path: Path) -> None:
    assert open_encoder(image_model(tmp_path / "m.onnx"))(b"no picture") is None
