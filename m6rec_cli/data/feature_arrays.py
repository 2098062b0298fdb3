"""Encoded feature columns and media files of a data directory to arrays."""

import hashlib
import json
import re
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

import numpy as np
import polars as pl

from m6rec_cli.system.feature_spec import Entity, FeatureSpec
from m6rec_cli.system.sealed_files import SealedDirectory

MEDIA = "media"
_PLAIN_NAME = re.compile(r"[a-z0-9_-]{1,80}")
_READABLE = 40
"""Characters of an unusual name that its file name shows."""


@dataclass(frozen=True)
class FeatureArray:
    """One feature of all rows of an entity.

    Attributes:
        values: By `FeatureSpec.storage`: `number` f32 (n,); `code` i32 (n,); `codes` i32
            (n, length), padded with -1; `array` (n, ...), memory-mapped, of the kind's type.
        mask: bool (n,), True where there is a value.
    """

    values: np.ndarray
    mask: np.ndarray


def read_specs(files: SealedDirectory) -> tuple[FeatureSpec, ...]:
    """The fitted features of a data or run directory."""
    return files.read(
        "features/features.json",
        lambda file: tuple(FeatureSpec(**obj) for obj in json.load(file)),
    )


def stored_array(spec: FeatureSpec, files: SealedDirectory) -> FeatureArray:
    """Read a feature whose storage is `array`."""
    stem = f"{MEDIA}/{media_stem(spec.entity, spec.name)}"
    return FeatureArray(
        files.read(f"{stem}.npy", _map_array), files.read(f"{stem}.mask.npy", np.load)
    )


def column_array(spec: FeatureSpec, frame: pl.DataFrame) -> FeatureArray:
    """Read a feature that is a column of its entity's table."""
    column = frame[spec.name]
    mask = column.is_not_null().to_numpy()
    if spec.storage == "number":
        return FeatureArray(column.fill_null(0.0).to_numpy().astype(np.float32), mask)
    if spec.storage == "code":
        return FeatureArray(column.fill_null(0).to_numpy().astype(np.int32), mask)
    lengths = column.list.len().fill_null(0).to_numpy().astype(np.int64)
    values = np.full((len(column), max(1, int(lengths.max(initial=0)))), -1, np.int32)
    flat = column.explode(empty_as_null=False, keep_nulls=False).to_numpy()
    values[np.arange(values.shape[1]) < lengths[:, None]] = flat
    return FeatureArray(values, mask & (lengths > 0))


def save_array(media: Path, spec: FeatureSpec, array: FeatureArray) -> None:
    """Write an array to the folder `media`, unless it is a memory map of the file already."""
    stem = media_stem(spec.entity, spec.name)
    if not isinstance(array.values, np.memmap):
        np.save(media / f"{stem}.npy", array.values)
    np.save(media / f"{stem}.mask.npy", array.mask)


def media_stem(entity: Entity, name: str) -> str:
    """The file name of a feature without its suffix, different for every name.

    A name that is long or has other characters than `a-z 0-9 _ -` is cut to readable ones and gets
    a digest behind `~`: some file systems take `A` for `a`.
    """
    if _PLAIN_NAME.fullmatch(name):
        return f"{entity}.{name}"
    readable = re.sub(r"[^a-z0-9_-]", "_", name.lower())[:_READABLE]
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{entity}.{readable}~{digest}"


def _map_array(file: BufferedReader) -> np.ndarray:
    """Map a `.npy` file into memory; `np.load` would open the path again."""
    version = np.lib.format.read_magic(file)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[version]
    shape, in_fortran_order, dtype = read_header(file)
    if 0 in shape:
        return np.empty(shape, dtype)
    order = "F" if in_fortran_order else "C"
    return np.memmap(file, dtype, "r", offset=file.tell(), shape=shape, order=order)
