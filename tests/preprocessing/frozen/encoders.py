"""Frozen encoders opened and called, and plain pictures."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from m6rec_cli.preprocessing.frozen import export_files, onnx_encoder


def open_encoder(path: Path) -> onnx_encoder.FrozenEncoder:
    return onnx_encoder.load(path, export_files.digest(path))


def picture(colour: tuple[int, int, int], size: tuple[int, int] = (20, 10)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def vector_of(encoder: onnx_encoder.FrozenEncoder, cell: str | bytes) -> np.ndarray:
    found = encoder(cell)
    assert found is not None
    return found
