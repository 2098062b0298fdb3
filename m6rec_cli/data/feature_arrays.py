"""Encoded feature columns and media files of a data directory to arrays."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from m6rec_cli.system.directories import read_json
from m6rec_cli.system.errors import M6RecError
from m6rec_cli.system.feature_spec import Entity, FeatureSpec


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


def read_specs(folder: Path) -> tuple[FeatureSpec, ...]:
    """The fitted features of a `features` folder."""
    return tuple(
        FeatureSpec(**obj) for obj in read_json(folder / "features.json", "the feature state")
    )


def feature_array(spec: FeatureSpec, frame: pl.DataFrame, media: Path) -> FeatureArray:
    """Read one feature from its table or from the folder `media`."""
    if spec.storage == "array":
        stem = media_stem(spec.entity, spec.name)
        return FeatureArray(
            _load(media / f"{stem}.npy", mmap=True), _load(media / f"{stem}.mask.npy")
        )
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
    """The file name of a feature without its suffix; unusual characters become `_`."""
    return f"{entity}." + "".join(c if c.isalnum() or c in ".-_" else "_" for c in name)


def _load(path: Path, *, mmap: bool = False) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r" if mmap else None)
    except FileNotFoundError:
        raise missing_file(path) from None
    except (ValueError, EOFError) as error:
        raise damaged_file(path, error) from None


def missing_file(path: Path) -> M6RecError:
    """The error for a file that a data directory should have."""
    return M6RecError(
        "a file of the data directory is missing",
        where=str(path),
        hint="run `m6rec preprocess` again",
    )


def damaged_file(path: Path, error: Exception) -> M6RecError:
    """The error for a file of a data directory that cannot be read."""
    return M6RecError(
        f"a file of the data directory is damaged: {error}",
        where=str(path),
        hint="run `m6rec preprocess` again",
    )
