"""The files of an ONNX export: model, weights, tokenizer and settings, and their digest."""

import hashlib
import json
import mmap
from pathlib import Path
from typing import Any

from m6rec_cli.system import digests
from m6rec_cli.system.errors import M6RecError

Settings = dict[str, Any]
"""A JSON file of an export; `Any`, since every exporter writes its own keys and types."""

_VERSION = b"1"
"""Change it when the same model gives other vectors, so that cached ones are not reused."""
_SIDE_FILES = ("tokenizer.json", "tokenizer_config.json", "preprocessor_config.json")


def digest(path: Path) -> str:
    """SHA-256 over the model and all files that influence its vectors.

    Raises:
        M6RecError: The model does not exist.
    """
    if not path.is_file():
        raise M6RecError(
            "the encoder's file does not exist",
            where=str(path),
            hint="name a local ONNX file, or put it back where it was",
        )
    total = hashlib.sha256(_VERSION)
    side_files = (find_beside(path, name) for name in _SIDE_FILES)
    for file in (path, *_weights(path), *(file for file in side_files if file)):
        total.update(bytes.fromhex(digests.of_file(file)))
    return total.hexdigest()


def _weights(path: Path) -> list[Path]:
    """Files beside the model that hold its weights: by their name, or named in the model."""
    others = sorted(
        p
        for p in path.parent.iterdir()
        if p.is_file() and p != path and p.suffix not in (".json", ".txt")
    )
    if not others or not path.stat().st_size:
        return []
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as model:
        usual = (f"{path.name}_data", f"{path.name}.data")
        return [p for p in others if p.name.startswith(usual) or model.find(p.name.encode()) >= 0]


def find_beside(path: Path, name: str) -> Path | None:
    """A file of the export: beside the model, or one folder above (`onnx/model.onnx`)."""
    return next((p for p in (path.parent / name, path.parent.parent / name) if p.is_file()), None)


def read_settings(path: Path, name: str) -> Settings:
    """Read a JSON file of the export; empty if there is none.

    Raises:
        M6RecError: The file is damaged.
    """
    file = find_beside(path, name)
    if file is None:
        return {}
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise M6RecError(f"a file of the encoder is damaged: {error}", where=str(file)) from None
